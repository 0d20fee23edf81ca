//! TLS of a listener: one certificate and its key, exchanged while connections go on, and a bounded
//! handshake.
//!
//! TLS 1.2 and 1.3 by rustls over ring; ALPN offers HTTP/2 and HTTP/1.1 (RFC 9113 §3.2). Sessions resume by
//! tickets whose keys change every six hours and live in this process alone.

mod files;
mod self_signed;

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

pub use files::PairFiles;
pub use self_signed::{SelfSigned, addresses, self_signed};

use lifecycle::Tasks;
use rustls::{
    HandshakeKind, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{info, warn};

pub(crate) use self::files::certificates;
use self::files::{Changes, Pair};
use crate::{Problem, error::TlsError, wire::closing_answer};

/// How often the files are looked at. A change counts once two looks agree, because files that are rewritten
/// in place, or one after the other, are not whole at once.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The type of a record that begins a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificate that handshakes are given.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn replace(&self, pair: Pair) {
        report_expiry(pair.not_after_s);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The TLS side of a listener; clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    files: PairFiles,
    /// When the first certificate ends, in seconds since 1970.
    not_after_s: Option<u64>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the pair.
    ///
    /// # Errors
    /// [`TlsError`] names the setting and the file to mend.
    pub fn open(files: PairFiles) -> Result<Self, TlsError> {
        let Pair { key, not_after_s } = files.load()?;
        let current = Arc::new(Current(RwLock::new(key)));
        let acceptor = TlsAcceptor::from(Arc::new(config(current.clone())?));
        Ok(Self { files, not_after_s, current, acceptor })
    }

    /// Where the pair is.
    #[must_use]
    pub fn files(&self) -> &PairFiles {
        &self.files
    }

    /// What shakes hands on other listeners than this one's, with the same certificate. Clients that name protocols
    /// (ALPN) must name HTTP's.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Takes a changed pair into use until the soft stage of shutdown; connections go on as they are. A pair
    /// that does not fit is refused and logged once, and the one before stays.
    pub fn keep_fresh(&self, tasks: &Tasks) {
        report_expiry(self.not_after_s);
        metrics::counter!("nexus_tls_reloads_total", "result" => "refused").increment(0);
        let (tls, soft) = (self.clone(), tasks.soft());
        tasks.spawn("tls-files", async move {
            let mut changes = Changes::after(tls.look().await);
            loop {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = soft.cancelled() => return,
                }
                if changes.settled(tls.look().await) {
                    tls.reload().await;
                }
            }
        });
    }

    async fn look(&self) -> Result<[u8; 32], String> {
        let files = self.files.clone();
        let looked = tokio::task::spawn_blocking(move || files.digest()).await;
        looked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    async fn reload(&self) {
        let files = self.files.clone();
        let loaded = tokio::task::spawn_blocking(move || files.load()).await;
        let result = match loaded {
            Ok(Ok(pair)) => {
                self.current.replace(pair);
                info!("the certificate of {} is in use now", self.files.cert.display());
                "taken"
            }
            Ok(Err(error)) => {
                warn!("a changed certificate is refused, the one before stays in use: {error}");
                "refused"
            }
            Err(panic) => {
                warn!("a changed certificate could not be read, the one before stays in use: {panic}");
                "refused"
            }
        };
        metrics::counter!("nexus_tls_reloads_total", "result" => result).increment(1);
    }
}

/// When the certificate ends, for whoever has to renew it.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a double; seconds stay far below 2^53")]
fn report_expiry(not_after_s: Option<u64>) {
    if let Some(seconds) = not_after_s {
        metrics::gauge!("nexus_tls_certificate_not_after_seconds").set(seconds as f64);
    }
}

fn config(current: Arc<Current>) -> Result<ServerConfig, TlsError> {
    let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let begun = versions.map_err(|error| TlsError::Library(error.to_string()))?;
    let mut config = begun.with_no_client_auth().with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(|error| TlsError::Library(error.to_string()))?;
    Ok(config)
}

/// Handshakes with their bounds.
pub(crate) struct Handshakes {
    tls: Tls,
    turns: Semaphore,
    limit: Duration,
}

enum Refusal {
    Plain,
    Broken(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Handshakes {
    /// At most `at_once` handshakes, each done within `limit`; a connection waits for its turn.
    pub(crate) fn new(tls: Tls, at_once: usize, limit: Duration) -> Self {
        Self { tls, turns: Semaphore::new(at_once.max(1)), limit }
    }

    /// The encrypted stream, or nothing when the client did not get that far.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let (result, stream) = match timeout(self.limit, self.shake(stream)).await {
            Ok(Ok(stream)) => match stream.get_ref().1.handshake_kind() {
                Some(HandshakeKind::Resumed) => ("resumed", Some(stream)),
                _ => ("full", Some(stream)),
            },
            Ok(Err(Refusal::Plain)) => ("plain", None),
            Ok(Err(Refusal::Broken(error))) => {
                tracing::debug!(%error, "a handshake failed");
                ("failed", None)
            }
            Err(_) => ("timeout", None),
        };
        metrics::counter!("nexus_tls_handshakes_total", "result" => result).increment(1);
        stream
    }

    /// A turn is taken only once the client has begun: browsers open connections ahead of need.
    async fn shake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Refusal> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if first[0] != HANDSHAKE_RECORD {
            return Err(refuse_plain(stream).await);
        }
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        Ok(self.tls.acceptor.accept(stream).await?)
    }
}

/// Tells a client that speaks plain HTTP what the port expects.
async fn refuse_plain(mut stream: TcpStream) -> Refusal {
    let problem = Problem::bad_request("this port speaks TLS: use https://");
    // What was sent is taken first: closing with unread bytes would reset the connection (RFC 9112 §9.6).
    let mut scratch = [0; 8_192];
    if let Err(error) = stream.try_read(&mut scratch) {
        return error.into();
    }
    match stream.write_all(&closing_answer(&problem)).await {
        Ok(()) => Refusal::Plain,
        Err(error) => error.into(),
    }
}
