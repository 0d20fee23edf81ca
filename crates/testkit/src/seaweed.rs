//! A real S3 server for tests: SeaweedFS, started on demand and gone with the process that started it.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use blob::{Access, Bucket, Store};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Where a server that is already running is named, as its endpoint.
pub const ENDPOINT_VARIABLE: &str = "NEXUS_TEST_S3";
/// Where the program `weed` is named; without it, the one of tests/.venv is taken.
pub const PROGRAM_VARIABLE: &str = "NEXUS_TEST_WEED";

const START_ATTEMPTS: usize = 3;
const READY_POLLS: usize = 600;
const READY_POLL: Duration = Duration::from_millis(50);
const BUCKET: &str = "nexus-tests";
/// Listeners of the parts of one server.
const PORTS: usize = 8;

/// Ends the server and deletes its folder when its standard input closes, which the kernel does however the
/// starter ends.
const KEEPER: &str = r#"
folder=$PWD
"$0" "$@" >server.log 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -KILL $server 2>/dev/null
wait $server
cd / && rm -rf "$folder"
"#;

/// A running server; dropping it stops it and deletes its data.
#[derive(Debug)]
pub struct SeaweedServer {
    port: u16,
    keeper: Child,
    folder: TempDir,
}

impl SeaweedServer {
    /// The running server's endpoint from the environment, if the caller of this process named one.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one variable that test scripts hand to test processes"
    )]
    pub fn endpoint_from_environment() -> Option<String> {
        env::var(ENDPOINT_VARIABLE).ok()
    }

    /// Serves a temporary folder on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When SeaweedFS is not installed or does not start, with its own words.
    pub async fn start() -> Result<Self> {
        let program = program()?;
        for _ in 1..START_ATTEMPTS {
            if let Ok(server) = Self::attempt(&program).await {
                return Ok(server);
            }
        }
        Self::attempt(&program).await
    }

    async fn attempt(program: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nexus-seaweed-").tempdir()?;
        let ports = free_ports()?;
        let keeper = serve(program, &folder, ports)?;
        let mut server = Self { port: ports[0], keeper, folder };
        server.ready().await?;
        Ok(server)
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn ready(&mut self) -> Result<()> {
        for _ in 0..READY_POLLS {
            if make_bucket(self.port)
                && Store::s3(&bucket(&self.endpoint(), "ready/"), lifecycle::system()).await.is_ok()
            {
                return Ok(());
            }
            if self.fatal() || self.keeper.try_wait()?.is_some() {
                break;
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let log = self.log();
        bail!("SeaweedFS did not start: {}", log.lines().rev().take(20).collect::<Vec<_>>().join("\n"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Whether the server has ended itself: its last words begin with an F.
    fn fatal(&self) -> bool {
        self.log().lines().any(|line| line.starts_with('F'))
    }
}

impl Drop for SeaweedServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A place of one test's own in a bucket; it is there as long as this.
#[derive(Clone)]
pub struct TestBucket {
    /// Where it is.
    pub bucket: Bucket,
    _server: Option<Arc<SeaweedServer>>,
}

impl TestBucket {
    /// At the server of the whole test run, or at one that the tests of this process that run at this time share.
    ///
    /// # Errors
    /// When there is no server and none starts.
    pub async fn create() -> Result<Self> {
        static OWN: Mutex<Weak<SeaweedServer>> = Mutex::const_new(Weak::new());
        if let Some(endpoint) = SeaweedServer::endpoint_from_environment() {
            return Ok(Self { bucket: fresh_bucket(&endpoint), _server: None });
        }
        let mut own = OWN.lock().await;
        let server = match own.upgrade() {
            Some(running) => running,
            None => Arc::new(SeaweedServer::start().await?),
        };
        *own = Arc::downgrade(&server);
        Ok(Self { bucket: fresh_bucket(&server.endpoint()), _server: Some(server) })
    }

    /// Its address, as `--store` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let Bucket { name, prefix, endpoint, .. } = &self.bucket;
        format!("s3://{name}/{prefix}?endpoint={}", endpoint.as_deref().unwrap_or_default())
    }
}

fn fresh_bucket(endpoint: &str) -> Bucket {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let started = lifecycle::system().now().micros();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    bucket(endpoint, &format!("t{started}-{}-{count}/", std::process::id()))
}

fn bucket(endpoint: &str, prefix: &str) -> Bucket {
    let key = || "nexus".to_owned();
    Bucket {
        name: BUCKET.into(),
        prefix: prefix.into(),
        endpoint: Some(endpoint.into()),
        region: "us-east-1".into(),
        access: Some(Access { id: key(), secret: key() }),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one variable that test scripts hand to test processes")]
fn program() -> Result<PathBuf> {
    if let Some(program) = env::var_os(PROGRAM_VARIABLE) {
        return Ok(program.into());
    }
    let program = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/.venv/bin/weed"));
    if !program.exists() {
        bail!("tests need SeaweedFS in {}: `make test` installs it", program.display());
    }
    Ok(program)
}

/// Ports nobody has now. SeaweedFS cannot choose its own; somebody else may take one first.
fn free_ports() -> Result<[u16; PORTS]> {
    let mut ports = [0; PORTS];
    // Held together, so that they are distinct.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn serve(program: &Path, folder: &TempDir, ports: [u16; PORTS]) -> Result<Child> {
    let [s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc] = ports;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", KEEPER]).arg(program).current_dir(folder.path());
    command.args(["-logtostderr=true", "server", "-s3", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.args([
        "-volume.max=50",
        "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]);
    for (name, port) in [
        ("s3.port", s3),
        ("s3.port.grpc", s3_grpc),
        ("master.port", master),
        ("master.port.grpc", master_grpc),
        ("volume.port", volume),
        ("volume.port.grpc", volume_grpc),
        ("filer.port", filer),
        ("filer.port.grpc", filer_grpc),
    ] {
        command.arg(format!("-{name}={port}"));
    }
    // A group of its own keeps Ctrl-C from reaching the server before its users are done.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

/// Makes the bucket, as an operator would beforehand; whether the server did so.
fn make_bucket(port: u16) -> bool {
    let made = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request = format!(
            "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    made().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 409"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing_behind() {
        let server = SeaweedServer::start().await.expect("a server");
        let (port, folder) = (server.port, server.folder.path().to_owned());
        drop(server);
        assert!(!folder.exists());
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }
}
