//! Trying the door from the inside.

use std::fs::{File, read_dir, set_permissions};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, kill_process};

/// One thing a child must not be able to do.
#[derive(Debug)]
pub struct Attempt {
    /// What was tried.
    pub what: &'static str,
    /// How it ended: anything but an error is a hole.
    pub outcome: Result<(), io::Error>,
}

/// Tries what the door forbids. Harmless where the door is open: what gets made is in the temporary folder and
/// removed, and the parent only gets the null signal.
#[must_use]
pub fn attempts() -> Vec<Attempt> {
    let temporary = std::env::temp_dir().join(format!("nexus-door-{}", std::process::id()));
    vec![
        attempt("open a file", || File::open("/etc/passwd").map(drop)),
        attempt("open the own program", || File::open("/proc/self/exe").map(drop)),
        attempt("list a folder", || read_dir("/").map(drop)),
        attempt("create a file", || File::create(&temporary).and_then(|_| std::fs::remove_file(&temporary))),
        attempt("make a folder", || {
            std::fs::create_dir(&temporary).and_then(|()| std::fs::remove_dir(&temporary))
        }),
        attempt("change permissions", || set_permissions("/tmp", std::fs::Permissions::from_mode(0o1777))),
        attempt("change folder", || std::env::set_current_dir("/")),
        attempt("make a UDP socket", || UdpSocket::bind("127.0.0.1:0").map(drop)),
        attempt("listen on TCP", || TcpListener::bind("127.0.0.1:0").map(drop)),
        attempt("connect over TCP", || TcpStream::connect("127.0.0.1:9").map(drop)),
        attempt("make a Unix socket", || UnixDatagram::unbound().map(drop)),
        attempt("listen on a Unix socket", || UnixListener::bind(&temporary).map(drop)),
        attempt("connect to a Unix socket", || UnixStream::connect("/run/dbus/system_bus_socket").map(drop)),
        attempt("run a program", || Command::new("/bin/true").status().map(drop)),
        attempt("signal the parent", || {
            let parent = getppid().unwrap_or(Pid::INIT);
            kill_process(parent, Signal::CONT).map_err(io::Error::from)
        }),
        attempt("fork", fork),
        attempt("make a namespace", || raw(libc::SYS_unshare, libc::CLONE_NEWUSER.into())),
        attempt("trace", || raw(libc::SYS_ptrace, libc::PTRACE_ATTACH.into())),
        attempt("set up io_uring", || raw(libc::SYS_io_uring_setup, 1)),
        attempt("create a BPF map", || raw(libc::SYS_bpf, 0)),
        attempt("open a perf event", || raw(libc::SYS_perf_event_open, 0)),
        attempt("mount", || raw(libc::SYS_mount, 0)),
        attempt("read another process", || raw(libc::SYS_process_vm_readv, 1)),
        attempt("make a keyring", || raw(libc::SYS_keyctl, 0)),
        attempt("handle page faults", || raw(libc::SYS_userfaultfd, 0)),
        attempt("get shared memory", || raw(libc::SYS_shmget, 0)),
    ]
}

fn attempt(what: &'static str, act: impl FnOnce() -> io::Result<()>) -> Attempt {
    Attempt { what, outcome: act() }
}

/// A call made with one argument and zeros. Refused calls say EPERM or EACCES; any other error means that the
/// kernel looked at the arguments, so the door is open.
#[expect(unsafe_code, reason = "calls without a safe form")]
fn raw(call: libc::c_long, argument: libc::c_long) -> io::Result<()> {
    // SAFETY: null pointers and zero lengths; no call here writes through them.
    let result = unsafe { libc::syscall(call, argument, 0, 0, 0, 0, 0) };
    let error = io::Error::last_os_error();
    let refused = matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES));
    if result == -1 && refused { Err(error) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "forking without running a program has no safe form")]
fn fork() -> io::Result<()> {
    // SAFETY: a child, if there is one, ends at once by an async-signal-safe call.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}
