//! libsrt 1.5, as much of it as a listener needs: the one place that calls it.
//!
//! The declarations follow `srt.h`. Sockets are numbers that libsrt looks up under its own locks, so a number that is
//! no socket any more is an error and never undefined behaviour; what can go wrong are buffers and lifetimes, and each
//! call says why its own hold.
#![expect(unsafe_code, reason = "libsrt is C")]

mod address;
mod header;

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    io, mem,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Once,
    time::Duration,
};

use bytes::BytesMut;

use self::{
    address::{cooked, empty, raw},
    header::{
        EPOLL_ENABLE_EMPTY, EPOLL_ERR, EPOLL_IN, EpollEvent, KM_SECURED, LOG_ERR, NO_DATA_YET,
        OPTION_ENFORCEDENCRYPTION, OPTION_IPV6ONLY, OPTION_KMSTATE, OPTION_MINVERSION, OPTION_PASSPHRASE,
        OPTION_PEERIDLETIMEO, OPTION_RCVSYN, Statistics, srt_accept, srt_bind, srt_bistats, srt_close,
        srt_create_socket, srt_epoll_add_usock, srt_epoll_create, srt_epoll_release, srt_epoll_remove_usock,
        srt_epoll_set, srt_epoll_uwait, srt_getlasterror, srt_getlasterror_str, srt_getsockflag,
        srt_getsockname, srt_listen, srt_listen_callback, srt_recvmsg, srt_setloghandler, srt_setloglevel,
        srt_setrejectreason, srt_setsockflag, srt_startup,
    },
};
use super::gate::Gate;

/// The longest message of live mode: an Ethernet frame without the headers of IP, UDP and SRT.
const MESSAGE_BYTES_MAX: usize = 1_456;
/// Connections that libsrt has taken and the listener has not.
const BACKLOG: c_int = 128;
const VERSION_1_3: i32 = 0x01_03_00;

/// What libsrt knows of a connection, counted from its beginning where it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) rtt_ms: f64,
    pub(super) bandwidth_mbps: f64,
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) retransmitted: u64,
    pub(super) dropped: u64,
}

/// A socket of libsrt, closed when dropped.
#[derive(Debug)]
pub(super) struct Socket(c_int);

/// A socket that is being decided on, which libsrt owns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending(c_int);

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A message, behind what was in the buffer.
    Message,
    /// Nothing yet.
    Nothing,
    /// The connection is over.
    Over,
}

fn start() {
    static STARTED: Once = Once::new();
    // SAFETY: neither call takes memory but the handler, which lives as long as the process. The library is never
    // cleaned up: it counts starts, and a listener may follow another.
    STARTED.call_once(|| unsafe {
        srt_setloglevel(LOG_ERR);
        srt_setloghandler(std::ptr::null_mut(), log);
        srt_startup();
    });
}

extern "C" fn log(
    _opaque: *mut c_void,
    _level: c_int,
    _file: *const c_char,
    _line: c_int,
    _area: *const c_char,
    message: *const c_char,
) {
    if !message.is_null() {
        // SAFETY: libsrt hands over a string that ends and that lives during the call.
        let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
        tracing::debug!("libsrt: {}", message.trim_end());
    }
}

fn last_error() -> io::Error {
    // SAFETY: the string is one of the calling thread, valid until its next call; it is copied at once.
    let text = unsafe { CStr::from_ptr(srt_getlasterror_str()) };
    io::Error::other(text.to_string_lossy().into_owned())
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(last_error()) } else { Ok(result) }
}

/// Sets an option of up to 79 bytes.
fn set(socket: c_int, option: c_int, value: &[u8]) -> io::Result<()> {
    let len = c_int::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: `value` lives through the call and has `len` bytes, which libsrt copies.
    checked(unsafe { srt_setsockflag(socket, option, value.as_ptr().cast(), len) }).map(drop)
}

impl Socket {
    /// A listener with a decider of who comes in.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub(super) fn listen(address: SocketAddr, peer_idle: Duration, gate: &'static Gate) -> io::Result<Self> {
        start();
        // SAFETY: takes no memory.
        let socket = Self(checked(unsafe { srt_create_socket() })?);
        let idle_ms = i32::try_from(peer_idle.as_millis()).unwrap_or(i32::MAX);
        set(socket.0, OPTION_RCVSYN, &[0])?;
        set(socket.0, OPTION_ENFORCEDENCRYPTION, &[1])?;
        set(socket.0, OPTION_MINVERSION, &VERSION_1_3.to_ne_bytes())?;
        set(socket.0, OPTION_PEERIDLETIMEO, &idle_ms.to_ne_bytes())?;
        if address.is_ipv6() {
            let only = i32::from(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED));
            set(socket.0, OPTION_IPV6ONLY, &only.to_ne_bytes())?;
        }
        let (name, len) = raw(address);
        let opaque = std::ptr::from_ref(gate).cast_mut().cast();
        // SAFETY: `name` holds an address of `len` bytes; `gate` lives as long as the process, is only read through a
        // shared reference and may be used by any thread.
        unsafe {
            checked(srt_bind(socket.0, (&raw const name).cast(), len))?;
            checked(srt_listen_callback(socket.0, decide, opaque))?;
            checked(srt_listen(socket.0, BACKLOG))?;
        }
        Ok(socket)
    }

    /// The number that events name.
    pub(super) const fn number(&self) -> i32 {
        self.0
    }

    /// Where it is bound.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        let (mut name, mut len) = empty();
        // SAFETY: `name` has `len` bytes to write to.
        checked(unsafe { srt_getsockname(self.0, (&raw mut name).cast(), &raw mut len) })?;
        // SAFETY: libsrt has filled in an address.
        unsafe { cooked((&raw const name).cast()) }
    }

    /// The next connection whose handshake is done.
    pub(super) fn accept(&self) -> Option<(Self, SocketAddr)> {
        let (mut name, mut len) = empty();
        // SAFETY: `name` has `len` bytes to write to.
        let socket = unsafe { srt_accept(self.0, (&raw mut name).cast(), &raw mut len) };
        let socket = (socket >= 0).then_some(Self(socket))?;
        // SAFETY: libsrt has filled in an address.
        Some((socket, unsafe { cooked((&raw const name).cast()) }.ok()?))
    }

    /// Whether what comes is decrypted by the passphrase.
    pub(super) fn is_secured(&self) -> bool {
        let (mut state, mut len) = (0_i32, 4);
        // SAFETY: `state` has the four bytes that `len` says.
        let got = unsafe { srt_getsockflag(self.0, OPTION_KMSTATE, (&raw mut state).cast(), &raw mut len) };
        got == 0 && state == KM_SECURED
    }

    /// Appends the next message.
    pub(super) fn read(&self, buffer: &mut BytesMut) -> Read {
        buffer.reserve(MESSAGE_BYTES_MAX);
        let spare = buffer.spare_capacity_mut();
        let len = c_int::try_from(spare.len()).unwrap_or(c_int::MAX);
        // SAFETY: `spare` has `len` bytes to write to.
        let got = unsafe { srt_recvmsg(self.0, spare.as_mut_ptr().cast(), len) };
        match usize::try_from(got) {
            Ok(got) => {
                // SAFETY: libsrt wrote `got` bytes, at most `len`, behind what the buffer holds.
                unsafe { buffer.set_len(buffer.len() + got) };
                Read::Message
            }
            // SAFETY: a null pointer asks for no errno.
            Err(_) if unsafe { srt_getlasterror(std::ptr::null_mut()) } == NO_DATA_YET => Read::Nothing,
            Err(_) => Read::Over,
        }
    }

    /// What the connection is worth.
    pub(super) fn measure(&self) -> Option<Measured> {
        // SAFETY: all fields are numbers, for which zeros are a value.
        let mut all: Statistics = unsafe { mem::zeroed() };
        // SAFETY: `all` is larger than the statistics of any 1.5.
        (unsafe { srt_bistats(self.0, &raw mut all, 0, 1) } == 0).then(|| Measured {
            rtt_ms: all.rtt_ms,
            bandwidth_mbps: all.bandwidth_mbps,
            received: u64::try_from(all.packets_received_total).unwrap_or(0),
            lost: u64::try_from(all.packets_lost_total).unwrap_or(0),
            retransmitted: u64::try_from(all.packets_retransmitted_received).unwrap_or(0),
            dropped: u64::try_from(all.packets_dropped_total).unwrap_or(0),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: takes no memory; the number is this socket's alone.
        unsafe { srt_close(self.0) };
    }
}

impl Pending {
    pub(super) const fn number(self) -> i32 {
        self.0
    }

    /// Demands that the peer knows this passphrase of 10 to 79 bytes.
    pub(super) fn demand(self, passphrase: &str) -> io::Result<()> {
        set(self.0, OPTION_PASSPHRASE, passphrase.as_bytes())
    }
}

extern "C" fn decide(
    gate: *mut c_void,
    socket: c_int,
    handshake_version: c_int,
    peer: *const libc::sockaddr,
    stream_id: *const c_char,
) -> c_int {
    // SAFETY: this is the pointer that `listen` gave, to a `Gate` that lives as long as the process.
    let gate: &'static Gate = unsafe { &*gate.cast::<Gate>() };
    // SAFETY: libsrt hands over the peer's whole address.
    let peer = unsafe { cooked(peer) };
    let stream_id = if stream_id.is_null() {
        &[]
    } else {
        // SAFETY: it ends (libsrt copies at most 512 bytes and appends a zero) and lives during the call.
        unsafe { CStr::from_ptr(stream_id) }.to_bytes()
    };
    let decision = match peer {
        Ok(peer) if handshake_version >= 5 => gate.decide(Pending(socket), peer, stream_id),
        _ => Err(super::gate::No::Version),
    };
    match decision {
        Ok(()) => 0,
        Err(no) => {
            // SAFETY: takes no memory.
            unsafe { srt_setrejectreason(socket, no.code()) };
            -1
        }
    }
}

/// Waits for sockets.
pub(super) struct Epoll {
    number: c_int,
    events: Vec<EpollEvent>,
}

impl Epoll {
    /// Tells of at most `events_max` sockets at once.
    pub(super) fn new(events_max: usize) -> io::Result<Self> {
        start();
        // SAFETY: takes no memory.
        let number = checked(unsafe { srt_epoll_create() })?;
        let epoll = Self { number, events: vec![EpollEvent::default(); events_max.max(1)] };
        // SAFETY: takes no memory.
        checked(unsafe { srt_epoll_set(number, EPOLL_ENABLE_EMPTY) })?;
        Ok(epoll)
    }

    pub(super) fn add(&self, socket: &Socket) -> io::Result<()> {
        let events = EPOLL_IN | EPOLL_ERR;
        // SAFETY: `events` lives through the call.
        checked(unsafe { srt_epoll_add_usock(self.number, socket.0, &raw const events) }).map(drop)
    }

    /// Also of a socket that was not there.
    pub(super) fn remove(&self, socket: &Socket) {
        // SAFETY: takes no memory.
        unsafe { srt_epoll_remove_usock(self.number, socket.0) };
    }

    /// The numbers of sockets that have something to read or are over.
    pub(super) fn wait(&mut self, limit: Duration) -> Vec<i32> {
        let len = c_int::try_from(self.events.len()).unwrap_or(c_int::MAX);
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        // SAFETY: `events` has `len` entries to write to.
        let got = unsafe { srt_epoll_uwait(self.number, self.events.as_mut_ptr(), len, limit_ms) };
        let got = usize::try_from(got).unwrap_or(0).min(self.events.len());
        self.events[..got].iter().map(|event| event.socket).collect()
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: takes no memory; the number is this one's alone.
        unsafe { srt_epoll_release(self.number) };
    }
}
