//! Servers of a test: children in temporary folders, gone with the process that started them.

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::{Result, bail};
use tempfile::TempDir;
use tokio::sync::Mutex;

const START_ATTEMPTS: usize = 3;
const READY_POLLS: usize = 600;
const READY_POLL: Duration = Duration::from_millis(50);
const LOG_LINES: usize = 20;

/// Ends the server by the signal it is called by and deletes its folder when its standard input closes, which the
/// kernel does however the starter ends.
const KEEPER: &str = r#"
folder=$PWD
"$@" >server.log 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -$0 $server 2>/dev/null
wait $server
cd / && rm -rf "$folder"
"#;

/// A running server; dropping it stops it and deletes its data.
#[derive(Debug)]
pub(crate) struct Kept {
    keeper: Child,
    folder: TempDir,
}

impl Kept {
    /// Starts `server` in `folder`, as a user and group if not as our own, to be ended by `signal`.
    pub(crate) fn start(
        folder: TempDir,
        signal: &str,
        server: &Command,
        user: Option<(u32, u32)>,
    ) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, signal]).arg(server.get_program()).args(server.get_args());
        command.current_dir(folder.path()).env("LC_ALL", "C");
        // A group of its own keeps Ctrl-C from reaching the server before its users are done.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        Ok(Self { keeper: command.spawn()?, folder })
    }

    /// Waits until it `answers`; a server whose log says that it has `ended` is not waited for.
    pub(crate) async fn ready(
        &mut self,
        mut answers: impl AsyncFnMut() -> Result<bool>,
        ended: impl Fn(&str) -> bool,
    ) -> Result<()> {
        for _ in 0..READY_POLLS {
            if answers().await? {
                return Ok(());
            }
            if ended(&self.log()) || self.keeper.try_wait()?.is_some() {
                break;
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let log = self.log();
        let last: Vec<_> = log.lines().rev().take(LOG_LINES).collect();
        bail!("the server did not start; its last words, backwards: {}", last.join("\n"))
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Starts a server, again when somebody else took its port first.
pub(crate) async fn started<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for _ in 1..START_ATTEMPTS {
        if let Ok(server) = attempt().await {
            return Ok(server);
        }
    }
    attempt().await
}

/// Ports nobody has now.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // Held together, so that they are distinct.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// The one that the tests of this process that run at this time share.
pub(crate) async fn shared<T>(
    own: &Mutex<Weak<T>>,
    start: impl AsyncFnOnce() -> Result<T>,
) -> Result<Arc<T>> {
    let mut own = own.lock().await;
    if let Some(running) = own.upgrade() {
        return Ok(running);
    }
    // Boxed, as whoever shares a server should not carry the making of one.
    let server = Arc::new(Box::pin(start()).await?);
    *own = Arc::downgrade(&server);
    Ok(server)
}

/// Where the caller of this process says that a server of the whole run is.
#[expect(clippy::disallowed_methods, reason = "the variables that test scripts hand to test processes")]
pub(crate) fn named(variable: &str) -> Option<String> {
    env::var(variable).ok()
}
