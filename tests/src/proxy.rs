//! What stands between a server and what it keeps things in, and fails when told to. The servers behind are real.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderValue, Method, Request, StatusCode, header};
use httpkit::client::{Client, ClientOptions, collect};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

const BODY_BYTES_MAX: u64 = 512 << 20;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// A line to a server: bytes pass as they are, until it is cut.
pub struct Line {
    /// Where it begins.
    pub address: SocketAddr,
    cut: watch::Sender<bool>,
    lost: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line to the server at `to`.
    ///
    /// # Panics
    /// When no port is free.
    #[expect(clippy::disallowed_methods, reason = "it ends with this value")]
    pub async fn to(to: SocketAddr) -> Self {
        let (listener, address) = listener().await;
        let (cut, is_cut) = watch::channel(false);
        let lost = Arc::<AtomicU64>::default();
        let task = tokio::spawn(pass(listener, to, is_cut, lost.clone()));
        Self { address, cut, lost, task }
    }

    /// Cuts it, or mends it: while it is cut, connections that there were are gone and new ones end at once.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    /// Connections that were cut or not made.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(listener: TcpListener, to: SocketAddr, is_cut: watch::Receiver<bool>, lost: Arc<AtomicU64>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let (mut is_cut, lost) = (is_cut.clone(), lost.clone());
        connections.spawn(async move {
            tokio::select! {
                biased;
                _ = is_cut.wait_for(|cut| *cut) => { lost.fetch_add(1, Ordering::Relaxed); }
                () = async {
                    let Ok(mut far) = TcpStream::connect(to).await else { return };
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                } => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What an S3 server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// It refuses everything with 503.
    Unavailable,
    /// It takes so long before each answer.
    Slow(Duration),
    /// Of what is read it brings half, and says that this is all.
    Short,
    /// Of what is read it brings half, and the connection breaks.
    Broken,
    /// What is read has one wrong bit.
    Wrong,
    /// What is written has one wrong bit when it arrives.
    WrongIn,
}

struct Behind {
    to: SocketAddr,
    client: Client,
    fault: Mutex<Option<StoreFault>>,
    met: AtomicU64,
}

/// An S3 server as it is reached through something that fails.
pub struct StoreProxy {
    /// Where it answers.
    pub address: SocketAddr,
    behind: Arc<Behind>,
    task: JoinHandle<()>,
}

impl StoreProxy {
    /// In front of the server at `to`.
    ///
    /// # Panics
    /// When no port is free.
    #[expect(clippy::disallowed_methods, reason = "it ends with this value")]
    pub async fn before(to: SocketAddr) -> Self {
        let (listener, address) = listener().await;
        let client = Client::new(ClientOptions::default());
        let behind = Arc::new(Behind { to, client, fault: Mutex::default(), met: AtomicU64::new(0) });
        let router = Router::new().fallback(forward).with_state(behind.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, behind, task }
    }

    /// Begins a fault, or ends it.
    pub fn set(&self, fault: Option<StoreFault>) {
        *self.behind.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Requests that met a fault.
    #[must_use]
    pub fn met(&self) -> u64 {
        self.behind.met.load(Ordering::Relaxed)
    }
}

impl Drop for StoreProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a request reads an object, and not a list or what is known of one.
fn reads_object(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::GET
        && !["list-type", "uploads", "uploadId"].iter().any(|word| query.contains(word))
}

fn unavailable() -> Response {
    let body = "<?xml version=\"1.0\"?><Error><Code>ServiceUnavailable</Code><Message>Reduce your request rate.\
        </Message></Error>";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

async fn forward(State(behind): State<Arc<Behind>>, request: Request<Body>) -> Response {
    let fault = *behind.fault.lock().unwrap_or_else(PoisonError::into_inner);
    let reads = reads_object(&request);
    let meets = match fault {
        None => false,
        Some(StoreFault::Unavailable | StoreFault::Slow(_)) => true,
        Some(StoreFault::Short | StoreFault::Broken | StoreFault::Wrong) => reads,
        Some(StoreFault::WrongIn) => request.method() == Method::PUT,
    };
    let fault = fault.filter(|_| meets);
    behind.met.fetch_add(u64::from(meets), Ordering::Relaxed);
    match fault {
        Some(StoreFault::Unavailable) => return unavailable(),
        Some(StoreFault::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    match send(&behind, request, fault).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn send(
    behind: &Behind,
    request: Request<Body>,
    fault: Option<StoreFault>,
) -> anyhow::Result<Response> {
    let (mut parts, mut body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("http://{}{path}", behind.to).parse()?;
    if fault == Some(StoreFault::WrongIn) {
        let bytes = collect(body, BODY_BYTES_MAX).await?;
        body = spoiled(bytes).into();
    }
    let (mut parts, body) = behind.client.send(Request::from_parts(parts, body)).await?.into_parts();
    for hop in [header::CONNECTION, header::TRANSFER_ENCODING] {
        parts.headers.remove(hop);
    }
    let Some(fault) =
        fault.filter(|fault| parts.status.is_success() && !matches!(fault, StoreFault::Slow(_)))
    else {
        return Ok(Response::from_parts(parts, body));
    };
    let bytes = collect(body, BODY_BYTES_MAX).await?;
    let half = bytes.slice(..bytes.len() / 2);
    let body = match fault {
        StoreFault::Wrong => spoiled(bytes).into(),
        StoreFault::Short => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(half.len()));
            half.into()
        }
        StoreFault::Broken => {
            let broken = std::io::Error::other("the line broke");
            Body::from_stream(stream::iter([Ok(half), Err(broken)]))
        }
        _ => bytes.into(),
    };
    Ok(Response::from_parts(parts, body))
}

fn spoiled(bytes: Bytes) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes.get_mut(middle).into_iter().for_each(|byte| *byte ^= 0x10);
    bytes
}
