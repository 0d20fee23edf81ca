//! What is declared of `srt.h`.

use std::{
    ffi::{c_char, c_int, c_void},
    mem,
};

/// Bytes that statistics of later versions of the library may have; those of 1.5.1 have 496.
const STATISTICS_BYTES: usize = 2_048;

pub(super) const LOG_ERR: c_int = 3;
pub(super) const OPTION_RCVSYN: c_int = 2;
pub(super) const OPTION_PASSPHRASE: c_int = 26;
pub(super) const OPTION_KMSTATE: c_int = 28;
pub(super) const OPTION_MINVERSION: c_int = 45;
pub(super) const OPTION_ENFORCEDENCRYPTION: c_int = 53;
pub(super) const OPTION_IPV6ONLY: c_int = 54;
pub(super) const OPTION_PEERIDLETIMEO: c_int = 55;
pub(super) const KM_SECURED: i32 = 2;
pub(super) const EPOLL_IN: c_int = 0x1;
pub(super) const EPOLL_ERR: c_int = 0x8;
pub(super) const EPOLL_ENABLE_EMPTY: i32 = 1;
pub(super) const NO_DATA_YET: c_int = 6_002;

pub(super) type ListenCallback =
    extern "C" fn(*mut c_void, c_int, c_int, *const libc::sockaddr, *const c_char) -> c_int;
pub(super) type LogHandler =
    extern "C" fn(*mut c_void, c_int, *const c_char, c_int, *const c_char, *const c_char);

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct EpollEvent {
    pub(super) socket: c_int,
    pub(super) events: c_int,
}

unsafe extern "C" {
    pub(super) fn srt_startup() -> c_int;
    pub(super) fn srt_create_socket() -> c_int;
    pub(super) fn srt_bind(socket: c_int, name: *const libc::sockaddr, len: c_int) -> c_int;
    pub(super) fn srt_listen(socket: c_int, backlog: c_int) -> c_int;
    pub(super) fn srt_listen_callback(socket: c_int, callback: ListenCallback, opaque: *mut c_void) -> c_int;
    pub(super) fn srt_accept(socket: c_int, peer: *mut libc::sockaddr, len: *mut c_int) -> c_int;
    pub(super) fn srt_getsockname(socket: c_int, name: *mut libc::sockaddr, len: *mut c_int) -> c_int;
    pub(super) fn srt_close(socket: c_int) -> c_int;
    pub(super) fn srt_setsockflag(socket: c_int, option: c_int, value: *const c_void, len: c_int) -> c_int;
    pub(super) fn srt_getsockflag(socket: c_int, option: c_int, value: *mut c_void, len: *mut c_int)
    -> c_int;
    pub(super) fn srt_setrejectreason(socket: c_int, reason: c_int) -> c_int;
    pub(super) fn srt_recvmsg(socket: c_int, buffer: *mut c_char, len: c_int) -> c_int;
    pub(super) fn srt_bistats(
        socket: c_int,
        statistics: *mut Statistics,
        clear: c_int,
        instantaneous: c_int,
    ) -> c_int;
    pub(super) fn srt_getlasterror(errno: *mut c_int) -> c_int;
    pub(super) fn srt_getlasterror_str() -> *const c_char;
    pub(super) fn srt_epoll_create() -> c_int;
    pub(super) fn srt_epoll_set(epoll: c_int, flags: i32) -> i32;
    pub(super) fn srt_epoll_add_usock(epoll: c_int, socket: c_int, events: *const c_int) -> c_int;
    pub(super) fn srt_epoll_remove_usock(epoll: c_int, socket: c_int) -> c_int;
    pub(super) fn srt_epoll_uwait(
        epoll: c_int,
        events: *mut EpollEvent,
        len: c_int,
        timeout_ms: i64,
    ) -> c_int;
    pub(super) fn srt_epoll_release(epoll: c_int) -> c_int;
    pub(super) fn srt_setloglevel(level: c_int);
    pub(super) fn srt_setloghandler(opaque: *mut c_void, callback: LogHandler);
}

/// The beginning of `SRT_TRACEBSTATS`, whose fields keep their places within 1.5, and room for what follows.
#[repr(C)]
pub(super) struct Statistics {
    ms_timestamp: i64,
    packets_sent_total: i64,
    pub(super) packets_received_total: i64,
    snd_loss_total: i32,
    pub(super) packets_lost_total: i32,
    retransmitted_total: i32,
    acks_and_naks_total: [i32; 4],
    snd_duration_total: i64,
    snd_drop_total: i32,
    pub(super) packets_dropped_total: i32,
    packets_undecrypted_total: i32,
    bytes_sent_total: u64,
    bytes_received_total: u64,
    bytes_other_total: [u64; 5],
    packets: [i64; 2],
    losses: [i32; 2],
    retransmitted: i32,
    pub(super) packets_retransmitted_received: i32,
    acks_and_naks: [i32; 4],
    rates_mbps: [f64; 2],
    snd_duration: i64,
    reorder_distance: i32,
    belated_average_ms: f64,
    belated: i64,
    drops_and_undecrypted: [i32; 3],
    bytes: [u64; 7],
    snd_period_us: f64,
    windows: [i32; 3],
    pub(super) rtt_ms: f64,
    pub(super) bandwidth_mbps: f64,
    rest: [u64; STATISTICS_BYTES / 8],
}

/// Where three of the fields are in libsrt 1.5.1, as its header has them.
const _: () = assert!(
    mem::offset_of!(Statistics, packets_dropped_total) == 68
        && mem::offset_of!(Statistics, packets_retransmitted_received) == 164
        && mem::offset_of!(Statistics, rtt_ms) == 328
);
