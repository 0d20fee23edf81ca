//! A listener as the settings say: address, TLS, trusted proxies, bounds and the end.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::Router;
use base::{Ambient, Timestamp};
use lifecycle::Tasks;
use settings::Settings;
use telemetry::{Health, State};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::{
    Guard, Limits, TrustedProxies,
    error::FrontError,
    guard, security, serve, serve_tls,
    tls::{PairFiles, SelfSigned, Tls, addresses, self_signed},
};

/// An open listener that does not answer yet.
pub struct Front {
    listener: TcpListener,
    tls: Option<Tls>,
    own: Option<SelfSigned>,
    proxies: TrustedProxies,
}

async fn bind(setting: &'static str, address: &mut SocketAddr) -> Result<TcpListener, FrontError> {
    let failed = |reason| FrontError::Listen { setting, address: *address, reason };
    let listener = TcpListener::bind(*address).await.map_err(failed)?;
    *address = listener.local_addr().map_err(failed)?;
    Ok(listener)
}

impl Front {
    /// Opens `server.listen`, and fills in what only then is known: the port, and the address for others
    /// where a certificate of our own making is served on all of them.
    ///
    /// # Errors
    /// [`FrontError`].
    pub async fn open(settings: &mut Settings, now: Timestamp) -> Result<Self, FrontError> {
        let proxies = TrustedProxies::parse(&settings.server.trusted_proxies)?;
        let listener = bind("server.listen", &mut settings.server.listen).await?;
        let own = settings.tls.self_signed.then(|| self_signed(&settings.data, now)).transpose()?;
        if own.is_some() && settings.server.public_url.is_empty() {
            settings.server.public_url = address_for_others(settings.server.listen);
        }
        let section = &settings.tls;
        let files = match &own {
            Some(own) => Some(own.files.clone()),
            None => {
                section.is_on().then(|| PairFiles { cert: section.cert.clone(), key: section.key.clone() })
            }
        };
        let tls = files.map(Tls::open).transpose()?;
        Ok(Self { listener, tls, own, proxies })
    }

    /// Opens `transcode.listen`, where a process without viewers answers health checks in the clear.
    ///
    /// # Errors
    /// [`FrontError`].
    pub async fn open_desk(settings: &mut Settings) -> Result<Self, FrontError> {
        let proxies = TrustedProxies::parse(&settings.server.trusted_proxies)?;
        let listener = bind("transcode.listen", &mut settings.transcode.listen).await?;
        Ok(Self { listener, tls: None, own: None, proxies })
    }

    /// The certificate of our own making, if that is what is served.
    #[must_use]
    pub fn own_certificate(&self) -> Option<&SelfSigned> {
        self.own.as_ref()
    }

    /// Dresses `router` and answers until shutdown; from its beginning on, `health` is not ready.
    pub fn serve(
        self,
        settings: &Settings,
        ambient: &Ambient,
        tasks: &Tasks,
        health: &Health,
        router: Router,
    ) {
        report_end(health.clone(), tasks);
        let (farewell, grace) = (settings.server.farewell(), settings.server.grace());
        let guarded = Guard {
            trusted_proxies: self.proxies,
            body_idle: Duration::from_secs(settings.upload.stall_seconds.into()),
            stop: tasks.soft(),
            // What a body brought by then is made durable and told within the other half.
            body_grace: farewell + grace / 2,
            ..Guard::new(ambient.clone())
        };
        let limits = Limits {
            connections_max: settings.server.connections_max as usize,
            farewell,
            drain: grace,
            ..Limits::default()
        };
        let lasting = self.own.is_none() && settings.public_url().starts_with("https:");
        let router = if self.tls.is_some() && lasting { security::strict_transport(router) } else { router };
        let (router, listener, served) = (guard(router, guarded), self.listener, tasks.clone());
        if let Ok(address) = listener.local_addr() {
            info!("listening on {}://{address}", if self.tls.is_some() { "https" } else { "http" });
        }
        let Some(tls) = self.tls else {
            let serving = async move { serve(listener, router, limits, &served).await };
            return tasks.spawn_critical("listener", serving);
        };
        if let Some(exposure) = tls.files().exposure() {
            warn!("{exposure}");
        }
        let serving = async move { serve_tls(listener, tls, router, limits, &served).await };
        tasks.spawn_critical("listener", serving);
    }
}

fn report_end(health: Health, tasks: &Tasks) {
    health.report("process", State::Ok);
    let soft = tasks.soft();
    tasks.spawn("readiness", async move {
        soft.cancelled().await;
        health.report("process", State::Down("it is going down".into()));
    });
}

/// The base of URLs that also work on other machines: a listener on all addresses is reached by the first
/// one that others can use.
fn address_for_others(listen: SocketAddr) -> String {
    let reached = |ip: IpAddr| if ip.is_unspecified() { addresses().first().copied() } else { Some(ip) };
    let host = reached(listen.ip()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    format!("https://{}", SocketAddr::new(host, listen.port()))
}
