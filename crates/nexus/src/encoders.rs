//! Where encoders come in.

use anyhow::{Context, Result, bail};
use axum::http::Uri;
use httpkit::tls::{PairFiles, Tls};
use ingest::{Limits, PublishRequest, srt};
use lifecycle::Tasks;
use origin::{Doors, Origin};
use settings::Settings;
use tokio::{
    net::{TcpListener, lookup_host},
    sync::mpsc,
};

/// Publishers that wait to be let in.
const WAITING_MAX: usize = 64;
/// Handshakes ask one after the other.
const QUESTIONS_MAX: usize = 1;

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
    rtmps: Option<(TcpListener, Tls)>,
    srt: Option<(srt::Listener, mpsc::Receiver<srt::Question>)>,
    /// What encoders are told to connect to.
    host: String,
}

impl Encoders {
    /// Opens them.
    ///
    /// # Errors
    /// When one cannot be opened; the setting is named.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let live = &settings.live;
        let public: Uri = settings.public_url().parse().context("server.public_url")?;
        Ok(Self {
            rtmp: bind("live.rtmp", &live.rtmp).await?,
            rtmps: match bind("live.rtmps", &live.rtmps).await? {
                None => None,
                Some(listener) => Some((listener, certificate(settings)?)),
            },
            srt: open_srt(&live.srt).await?,
            host: public.host().unwrap_or("127.0.0.1").to_owned(),
        })
    }

    /// What the world is told.
    ///
    /// # Errors
    /// When a listener has no address.
    pub fn doors(&self) -> Result<Doors> {
        let host = &self.host;
        let rtmp = self.rtmp.as_ref().map(TcpListener::local_addr).transpose()?;
        let srt = self.srt.as_ref().map(|(listener, _)| listener.local_addr());
        Ok(Doors {
            rtmp: rtmp.map(|address| format!("rtmp://{host}:{}/live", address.port())),
            hls: rtmp.is_some() || srt.is_some() || self.rtmps.is_some(),
            srt: srt.map(|address| format!("srt://{host}:{}", address.port())),
            ..Doors::default()
        })
    }

    /// Takes publishers from now on.
    pub fn take(self, origin: &Origin, tasks: &Tasks) {
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        drop(tasks.spawn("live-door", origin::take_publishers(origin.clone(), waiting)));
        if let Some(listener) = self.rtmp {
            take_rtmp("rtmp", listener, None, &requests, origin, tasks);
        }
        if let Some((listener, tls)) = self.rtmps {
            tls.keep_fresh(tasks);
            take_rtmp("rtmps", listener, Some(&tls), &requests, origin, tasks);
        }
        if let Some((listener, questions)) = self.srt {
            drop(tasks.spawn("live-passphrases", origin::tell_passphrases(origin.clone(), questions)));
            let held = tasks.clone();
            tasks.spawn_critical("srt", async move { srt::serve(listener, requests, &held).await });
        }
    }
}

async fn bind(setting: &str, wanted: &str) -> Result<Option<TcpListener>> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(wanted).await;
    listener.map(Some).with_context(|| format!("{setting}: listening on {wanted}"))
}

async fn open_srt(wanted: &str) -> Result<Option<(srt::Listener, mpsc::Receiver<srt::Question>)>> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let listening = || format!("live.srt: listening on {wanted}");
    let Some(address) = lookup_host(wanted).await.with_context(listening)?.next() else {
        bail!("live.srt: {wanted} names no address");
    };
    let (asked, questions) = mpsc::channel(QUESTIONS_MAX);
    let listener = srt::Listener::open(address, Limits::default(), asked).with_context(listening)?;
    Ok(Some((listener, questions)))
}

/// The certificate of the web's listener.
fn certificate(settings: &Settings) -> Result<Tls> {
    let tls = &settings.tls;
    let files = if tls.self_signed {
        PairFiles::own(&settings.data)
    } else if tls.is_on() {
        PairFiles { cert: tls.cert.clone(), key: tls.key.clone() }
    } else {
        bail!("live.rtmps needs a certificate: set tls.cert and tls.key, or tls.self_signed");
    };
    Tls::open(files).context("live.rtmps")
}

fn take_rtmp(
    name: &'static str,
    listener: TcpListener,
    tls: Option<&Tls>,
    requests: &mpsc::Sender<PublishRequest>,
    origin: &Origin,
    tasks: &Tasks,
) {
    let (ambient, held, requests) = (origin.ambient.clone(), tasks.clone(), requests.clone());
    let acceptor = tls.map(Tls::acceptor);
    tasks.spawn_critical(name, async move {
        ingest::serve(listener, acceptor, Limits::default(), requests, ambient, &held).await
    });
}
