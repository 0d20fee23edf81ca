//! Where encoders come in.

use anyhow::{Context, Result};
use axum::http::Uri;
use ingest::Limits;
use lifecycle::Tasks;
use origin::{Doors, Origin};
use settings::Settings;
use tokio::{net::TcpListener, sync::mpsc};

/// Publishers that wait to be let in.
const WAITING_MAX: usize = 64;

/// Where an encoder of this machine finds the RTMP listener.
pub fn local_rtmp(settings: &Settings, doors: &Doors) -> Option<String> {
    let public: Uri = doors.rtmp.as_ref()?.parse().ok()?;
    let (host, _) = settings.live.rtmp.rsplit_once(':')?;
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        given => given,
    };
    Some(format!("rtmp://{host}:{}{}", public.port_u16()?, public.path()))
}

/// The listeners for encoders.
pub struct Encoders {
    rtmp: Option<TcpListener>,
    /// What encoders are told to connect to.
    address: Option<String>,
}

impl Encoders {
    /// Opens them.
    ///
    /// # Errors
    /// When one cannot be opened; the setting is named.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let wanted = &settings.live.rtmp;
        if wanted.is_empty() {
            return Ok(Self { rtmp: None, address: None });
        }
        let listener =
            TcpListener::bind(wanted).await.with_context(|| format!("live.rtmp: listening on {wanted}"))?;
        let port = listener.local_addr()?.port();
        let public: Uri = settings.public_url().parse().context("server.public_url")?;
        let host = public.host().unwrap_or("127.0.0.1");
        Ok(Self { rtmp: Some(listener), address: Some(format!("rtmp://{host}:{port}/live")) })
    }

    /// What the world is told.
    pub fn doors(&self) -> Doors {
        Doors { rtmp: self.address.clone(), hls: self.rtmp.is_some(), ..Doors::default() }
    }

    /// Takes publishers from now on.
    pub fn take(self, origin: &Origin, tasks: &Tasks) {
        let Some(listener) = self.rtmp else { return };
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        drop(tasks.spawn("live-door", origin::take_publishers(origin.clone(), waiting)));
        let (ambient, held) = (origin.ambient.clone(), tasks.clone());
        tasks.spawn_critical("rtmp", async move {
            ingest::serve(listener, None, Limits::default(), requests, ambient, &held).await
        });
    }
}
