//! Publishers over SRT: one UDP port, by libsrt.
//!
//! libsrt shakes hands by itself. Between its two halves it calls the `gate`, which reads the stream ID, asks for the
//! channel's passphrase by a [`Question`] and sets it, so that whoever does not know it is refused by the handshake
//! itself. What is connected is read by one thread (`reader`), which waits by libsrt's own `epoll` and puts what
//! comes into a bounded queue of each connection; when that is full, the connection is not read, and libsrt drops what
//! does not fit its buffer. A task for each connection (`publisher`) asks, as for RTMP, and reads the transport
//! stream ([`crate::ts`]).

mod gate;
mod library;
mod publisher;
mod reader;
mod stream_id;

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use lifecycle::Tasks;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

pub use self::gate::Question;
use self::{gate::Gate, library::Socket, reader::Reader};
use crate::{Limits, Protocol, PublishRequest, connection::Shared, places::Places};

/// Connections that the reader has taken and nobody has begun with.
const TAKEN_MAX: usize = 64;
/// How long nothing at all may come, not even what keeps a connection alive, before it is lost.
const PEER_IDLE: Duration = Duration::from_secs(5);

/// A port that takes publishers.
pub struct Listener {
    socket: Socket,
    gate: &'static Gate,
    places: Arc<Places>,
    limits: Limits,
    address: SocketAddr,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Listener {
    /// Opens a UDP port; 0 picks a free one. Handshakes are answered from now on, with the passphrases that are
    /// answered to `questions`. Of `limits`, those of RTMP's messages and writes mean nothing here, but
    /// `message_bytes_max` bounds a picture.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn open(address: SocketAddr, limits: Limits, questions: mpsc::Sender<Question>) -> io::Result<Self> {
        let places = Places::new(limits.connections_max, limits.connections_per_address_max);
        let gate = Gate::open(questions, Arc::clone(&places));
        let socket = Socket::listen(address, PEER_IDLE, gate)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, gate, places, limits, address })
    }

    /// Where it is open.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// Takes publishers until the soft stage begins, as [`crate::serve`] does. The key of a request's announcement is the
/// passphrase that the publisher has proven to know, `app` the channel.
///
/// # Errors
/// When libsrt or the system has no means left to begin.
pub async fn serve(
    listener: Listener,
    requests: mpsc::Sender<PublishRequest>,
    tasks: &Tasks,
) -> io::Result<()> {
    let Listener { socket, gate, places, limits, address } = listener;
    let (soft, hard) = (tasks.soft(), tasks.hard());
    let shared = Arc::new(Shared { limits, protocol: Protocol::Srt, requests, soft: soft.clone(), hard });
    let (taken, mut connections) = mpsc::channel(TAKEN_MAX);
    let reader = Reader::new(socket, gate, taken, soft, shared.hard.clone())?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("srt".to_owned()).spawn(move || {
        reader.run();
        // Nobody waits any more when the task that serves was dropped.
        ended.send(()).ok();
    })?;
    while let Some(connection) = connections.recv().await {
        tasks.spawn("ingest-connection", publisher::run(connection, Arc::clone(&shared)));
    }
    debug!(%address, "no longer accepting; waiting for publishers");
    end.await.map_err(|_| io::Error::other("the thread that reads SRT has panicked"))?;
    places.all_free().await;
    Ok(())
}
