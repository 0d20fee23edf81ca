//! A real S3 server for tests: SeaweedFS, started on demand and gone with the process that started it.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use blob::{Access, BlobError, Store};
use settings::Bucket;
use tokio::sync::Mutex;

use crate::keeper::{Kept, free_ports, named, shared, started};

/// Where a server that is already running is named, as its endpoint.
pub const ENDPOINT_VARIABLE: &str = "NEXUS_TEST_S3";

/// The program.
const WEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/.venv/bin/weed");
// Anybody may list, so that a scenario can compare what is there with what rows name.
const IDENTITIES: &str = r#"{"identities": [{"name": "nexus", "actions": ["Admin", "Read", "Write", "List"],
    "credentials": [{"accessKey": "nexus", "secretKey": "nexus"}]}, {"name": "anonymous", "actions": ["List"]}]}"#;
const BUCKET: &str = "nexus-tests";
/// Listeners of the parts of one server.
const PORTS: usize = 8;

/// A running server; dropping it stops it and deletes its data.
#[derive(Debug)]
pub struct SeaweedServer {
    port: u16,
    kept: Kept,
}

impl SeaweedServer {
    /// Serves a temporary folder on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When SeaweedFS is not installed or does not start, with its own words.
    pub async fn start() -> Result<Self> {
        if !Path::new(WEED).exists() {
            bail!("tests need SeaweedFS in {WEED}: `make test` installs it");
        }
        started(Self::attempt).await
    }

    async fn attempt() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nexus-seaweed-").tempdir()?;
        // SeaweedFS cannot choose its ports itself; somebody else may take a free one first.
        let ports: [u16; PORTS] = free_ports()?;
        // With an identity, it refuses what is not signed by it.
        std::fs::write(folder.path().join("s3.json"), IDENTITIES)?;
        let mut server = Self { port: ports[0], kept: Kept::start(folder, "KILL", &program(ports), None)? };
        let [.., filer, _] = ports;
        server.ready(filer).await?;
        Ok(server)
    }

    async fn ready(&mut self, filer: u16) -> Result<()> {
        let endpoint = self.endpoint();
        let answers = async || {
            Ok(make_bucket(filer) && TestBucket::at(&endpoint, "ready/".into(), None).open().await.is_ok())
        };
        // Before it ends itself, it says so in lines that begin with an F.
        self.kept.ready(answers, |log| log.lines().any(|line| line.starts_with('F'))).await
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A place of one test's own in a bucket; it is there as long as this.
#[derive(Clone)]
pub struct TestBucket {
    /// Where it is, and what the names of its objects begin with.
    pub bucket: Bucket,
    _server: Option<Arc<SeaweedServer>>,
}

impl TestBucket {
    /// Both halves of the key to it.
    pub const ACCESS: &str = "nexus";

    /// At the server of the whole test run, or at one that the tests of this process that run at this time share.
    ///
    /// # Errors
    /// When there is no server and none starts.
    pub async fn create() -> Result<Self> {
        static OWN: Mutex<Weak<SeaweedServer>> = Mutex::const_new(Weak::new());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let started = lifecycle::system().now().micros();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("t{started}-{}-{count}/", std::process::id());
        if let Some(endpoint) = named(ENDPOINT_VARIABLE) {
            return Ok(Self::at(&endpoint, prefix, None));
        }
        let server = shared(&OWN, SeaweedServer::start).await?;
        Ok(Self::at(&server.endpoint(), prefix, Some(server.clone())))
    }

    fn at(endpoint: &str, prefix: String, server: Option<Arc<SeaweedServer>>) -> Self {
        let (name, endpoint, region) = (BUCKET.into(), Some(endpoint.into()), "us-east-1".into());
        Self { bucket: Bucket { name, prefix, endpoint, region }, _server: server }
    }

    /// A store in it, as a process of its own would open one.
    ///
    /// # Errors
    /// When the server is away.
    pub async fn open(&self) -> Result<Store, BlobError> {
        let access = Access { id: Self::ACCESS.into(), secret: Self::ACCESS.into() };
        Store::s3(&self.bucket, Some(access), lifecycle::system()).await
    }

    /// Its address, as `--store` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let Bucket { name, prefix, endpoint, .. } = &self.bucket;
        format!("s3://{name}/{prefix}?endpoint={}", endpoint.as_deref().unwrap_or_default())
    }
}

fn program(ports: [u16; PORTS]) -> Command {
    let [s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc] = ports;
    let mut command = Command::new(WEED);
    command.args(["-logtostderr=true", "server", "-s3", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.args([
        "-s3.config=s3.json",
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
    command
}

/// Makes the bucket, as an operator would beforehand: it is a folder of the filer. Whether the server did so.
fn make_bucket(filer: u16) -> bool {
    let made = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, filer))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request = format!(
            "POST /buckets/{BUCKET}/ HTTP/1.1\r\nHost: 127.0.0.1:{filer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    made().is_ok_and(|answer| answer.starts_with("HTTP/1.1 20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing_behind() {
        let server = SeaweedServer::start().await.expect("a server");
        let (port, folder) = (server.port, server.kept.folder().to_owned());
        drop(server);
        assert!(!folder.exists());
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }
}
