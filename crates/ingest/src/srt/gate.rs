//! Who may go on with a handshake: asked by libsrt on the thread that receives for all connections of the port, so the
//! answer has to be there soon or is no.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    time::{Duration, Instant},
};

use lifecycle::monotonic;
use settings::Secret;
use tokio::sync::mpsc;

use super::{library::Pending, stream_id};
use crate::places::{Place, Places};

/// How long a handshake that came to nothing keeps its place, and one that is allowed may take.
const HELD: Duration = Duration::from_secs(5);
/// Handshakes that came to nothing or are under way, within [`HELD`]: so at most 51 questions a second, and of one
/// address at most 16 in five seconds.
const ATTEMPTS_MAX: usize = 256;
const ATTEMPTS_PER_ADDRESS_MAX: usize = 16;
/// How long an answer is waited for while nobody publishes, and while the waiting delays packets of others.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_BESIDE_OTHERS: Duration = Duration::from_millis(100);

/// Asks for the passphrase that publishers of a channel must know.
#[derive(Debug)]
pub struct Question {
    /// As the stream ID names it: letters, digits, `-` and `_`, 1 to 128 of them. The peer's word.
    pub channel: String,
    answer: SyncSender<Option<Secret>>,
}

impl Question {
    /// Answers: the passphrase, 10 to 79 bytes, or `None` where there is no such channel. Dropping the question says
    /// that it cannot be answered now.
    pub fn answer(self, passphrase: Option<Secret>) {
        // Who asked may have stopped waiting; there is room for one answer.
        drop(self.answer.try_send(passphrase));
    }
}

/// Why a handshake ends. The codes are those of libsrt's `access_control.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// The stream ID names nothing.
    Malformed,
    /// Too many attempts or connections.
    Overload,
    /// There is no such channel.
    NotFound,
    /// The peer wants to play.
    Mode,
    /// The peer wants to send a file.
    Media,
    /// The answer did not come in time, or the server goes down.
    Unavailable,
    /// A handshake from before SRT 1.3, which has no stream ID.
    Version,
}

impl No {
    pub(super) const fn code(self) -> i32 {
        match self {
            Self::Malformed => 1400,
            Self::Overload => 1402,
            Self::NotFound => 1404,
            Self::Mode => 1405,
            Self::Media => 1415,
            Self::Unavailable => 1503,
            Self::Version => 1505,
        }
    }

    /// A word for labels.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Overload => "overload",
            Self::NotFound => "not_found",
            Self::Mode => "mode",
            Self::Media => "media",
            Self::Unavailable => "unavailable",
            Self::Version => "version",
        }
    }
}

/// What a publisher has proven once its handshake is done, and its place among the connections.
pub(super) struct Proven {
    pub(super) channel: String,
    pub(super) passphrase: Secret,
    pub(super) user: String,
    pub(super) place: Place,
}

/// A handshake that may go on.
struct Allowed {
    proven: Proven,
    _attempt: Place,
    since: Instant,
}

/// The decider of a listener. It lives as long as the process, because nothing tells when libsrt has called it for the
/// last time; closing empties it.
pub(super) struct Gate(Mutex<Option<Doorman>>);

struct Doorman {
    questions: mpsc::Sender<Question>,
    places: Arc<Places>,
    attempts: Arc<Places>,
    /// By the number of their sockets.
    allowed: HashMap<i32, Allowed>,
    /// Attempts that came to nothing.
    spent: VecDeque<(Instant, Place)>,
    /// An answer that did not come in time. While it is out, nobody else is asked.
    late: Option<(String, Receiver<Option<Secret>>)>,
}

impl Gate {
    /// An open one. `places` are those of connections.
    pub(super) fn open(questions: mpsc::Sender<Question>, places: Arc<Places>) -> &'static Self {
        let attempts = Places::new(ATTEMPTS_MAX, ATTEMPTS_PER_ADDRESS_MAX);
        let doorman = Doorman {
            questions,
            places,
            attempts,
            allowed: HashMap::new(),
            spent: VecDeque::new(),
            late: None,
        };
        Box::leak(Box::new(Self(Mutex::new(Some(doorman)))))
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Decides on a handshake; what is allowed has its passphrase.
    pub(super) fn decide(&self, socket: Pending, peer: SocketAddr, stream_id: &[u8]) -> Result<(), No> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let decision = match held.as_mut() {
            Some(doorman) => doorman.decide(socket, peer, stream_id),
            None => Err(No::Unavailable),
        };
        if let Err(no) = decision {
            metrics::counter!("nexus_ingest_srt_handshakes_refused_total", "reason" => no.name())
                .increment(1);
            tracing::debug!(%peer, "an SRT handshake was refused: {}", no.name());
        }
        decision
    }

    /// What was allowed to a socket whose handshake is done.
    pub(super) fn done(&self, socket: i32) -> Option<Proven> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut()?.allowed.remove(&socket).map(|allowed| allowed.proven)
    }

    /// Forgets handshakes that nobody finished, such as those with a wrong passphrase.
    pub(super) fn tidy(&self) {
        if let Some(doorman) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            doorman.tidy(monotonic());
        }
    }
}

impl Doorman {
    fn decide(&mut self, socket: Pending, peer: SocketAddr, stream_id: &[u8]) -> Result<(), No> {
        let since = monotonic();
        self.tidy(since);
        let attempt = self.attempts.take(peer.ip()).map_err(|_| No::Overload)?;
        let decision = self.allow(peer.ip(), stream_id).and_then(|proven| {
            socket.demand(proven.passphrase.expose()).map_err(|_| No::Unavailable)?;
            Ok(proven)
        });
        match decision {
            Ok(proven) => {
                self.allowed.insert(socket.number(), Allowed { proven, _attempt: attempt, since });
                Ok(())
            }
            Err(no) => {
                self.spent.push_back((since, attempt));
                Err(no)
            }
        }
    }

    fn allow(&mut self, peer: IpAddr, stream_id: &[u8]) -> Result<Proven, No> {
        let stream_id::Wanted { channel, user } = stream_id::read(stream_id)?;
        let place = self.places.take(peer).map_err(|_| No::Overload)?;
        let passphrase = self.ask(&channel)?.ok_or(No::NotFound)?;
        Ok(Proven { channel, passphrase, user, place })
    }

    fn ask(&mut self, channel: &str) -> Result<Option<Secret>, No> {
        if let Some((asked, answer)) = self.late.take() {
            match answer.try_recv() {
                Ok(found) if asked == channel => return Ok(found),
                Err(TryRecvError::Empty) => {
                    self.late = Some((asked, answer));
                    return Err(No::Unavailable);
                }
                Ok(_) | Err(TryRecvError::Disconnected) => {}
            }
        }
        let (answer, found) = sync_channel(1);
        let question = Question { channel: channel.to_owned(), answer };
        self.questions.try_send(question).map_err(|_| No::Unavailable)?;
        let alone = self.places.held() <= 1;
        match found.recv_timeout(if alone { PATIENCE } else { PATIENCE_BESIDE_OTHERS }) {
            Ok(found) => Ok(found),
            Err(RecvTimeoutError::Timeout) => {
                self.late = Some((channel.to_owned(), found));
                Err(No::Unavailable)
            }
            Err(RecvTimeoutError::Disconnected) => Err(No::Unavailable),
        }
    }

    fn tidy(&mut self, now: Instant) {
        let over = |since: Instant| now.saturating_duration_since(since) >= HELD;
        while self.spent.front().is_some_and(|(since, _)| over(*since)) {
            self.spent.pop_front();
        }
        let unfinished = self.allowed.extract_if(|_, allowed| over(allowed.since)).count();
        if unfinished > 0 {
            let counter =
                metrics::counter!("nexus_ingest_srt_handshakes_refused_total", "reason" => "unfinished");
            counter.increment(unfinished as u64);
        }
    }
}
