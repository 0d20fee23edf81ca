//! What a child does to itself, but for the door.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::process::{Signal, getpid, kill_process, set_parent_process_death_signal};

/// Ties the process to its parent's life, closes what was not meant for it, and takes the socket that the parent
/// passed as standard input.
///
/// # Errors
/// When standard input is no socket: the command was started by hand.
pub fn prepare() -> io::Result<UnixStream> {
    // A parent that is gone already shows as the end of the stream.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    close_inherited();
    let socket = UnixStream::from(rustix::io::dup(io::stdin())?);
    socket.peer_addr()?;
    Ok(socket)
}

/// Ends the process at once: no exit handlers, which could hang on a graph's threads.
pub fn end() {
    // Cannot fail: the process may always signal itself, and the door allows it.
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Descriptors that a library in the parent left open across exec. Ours are all close-on-exec.
#[expect(unsafe_code, reason = "closing descriptors by number has no safe form")]
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: runs before anything in this process has opened a descriptor.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
}
