//! A real PostgreSQL server for tests, started on demand and gone with the process that started it.

use std::{
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use sqlx::{Connection as _, PgConnection};

use crate::keeper::{Kept, free_ports, started};

/// Where a server that is already running is named, as a URL without a database.
pub const URL_VARIABLE: &str = "NEXUS_TEST_POSTGRES";

const BIN: &str = "/usr/lib/postgresql/15/bin";
/// A running server; dropping it stops it and deletes its data.
#[derive(Debug)]
pub struct PostgresServer {
    port: u16,
    kept: Kept,
}

impl PostgresServer {
    /// Makes a database cluster in a temporary folder and serves it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When PostgreSQL 15 is not installed or does not start, with its own words.
    pub async fn start() -> Result<Self> {
        let user = ServerUser::find()?;
        started(async || Self::attempt(user).await).await
    }

    async fn attempt(user: ServerUser) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nexus-postgres-").tempdir()?;
        user.give(folder.path())?;
        init(folder.path(), user)?;
        // PostgreSQL cannot choose a port itself; somebody else may take the free one first.
        let [port] = free_ports()?;
        let kept = Kept::start(folder, "QUIT", &program(port), user.0)?;
        let mut server = Self { port, kept };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<()> {
        let (url, folder) = (format!("{}/postgres", self.url()), self.kept.folder().to_owned());
        let answers = async || match PgConnection::connect(&url).await {
            Ok(connection) => is_ours(connection, &folder).await,
            Err(_) => Ok(false),
        };
        self.kept.ready(answers, |log| log.contains("database system is shut down")).await
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://nexus@127.0.0.1:{}", self.port)
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.kept.log()
    }
}

/// Whom the server runs as: PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct ServerUser(Option<(u32, u32)>);

impl ServerUser {
    fn find() -> Result<Self> {
        if !Path::new(BIN).join("initdb").exists() {
            bail!("tests need PostgreSQL 15 in {BIN}: apt-get install postgresql-15");
        }
        let me = std::fs::metadata("/proc/self")?.uid();
        if me != 0 {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let line = users.lines().find(|line| line.starts_with("postgres:"));
        let mut fields = line.context("there is no user postgres to run the server as")?.split(':').skip(2);
        let mut id = || -> Result<u32> { Ok(fields.next().context("a short line in /etc/passwd")?.parse()?) };
        Ok(Self(Some((id()?, id()?))))
    }

    fn give(self, folder: &Path) -> Result<()> {
        if let Some((user, group)) = self.0 {
            chown(folder, Some(user), Some(group))?;
        }
        Ok(())
    }
}

/// The default collation is English on purpose: text that sorts like SQLite's does so by its own `collate "C"`.
fn init(folder: &Path, user: ServerUser) -> Result<()> {
    let mut command = Command::new(Path::new(BIN).join("initdb"));
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((user, group)) = user.0 {
        command.uid(user).gid(group);
    }
    command.args(["-D", "data", "-U", "nexus", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    let made = command.args(["--locale-provider=icu", "--icu-locale=en-US"]).output()?;
    if !made.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

fn program(port: u16) -> Command {
    let mut command = Command::new(Path::new(BIN).join("postgres"));
    command.args(["-D", "data", "-k", "."]);
    for setting in [
        "listen_addresses=127.0.0.1",
        &format!("port={port}"),
        "max_connections=200",
        "shared_buffers=32MB",
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
        "autovacuum=off",
    ] {
        command.args(["-c", setting]);
    }
    command
}

/// Another test's server may have taken the port first.
async fn is_ours(mut connection: PgConnection, folder: &Path) -> Result<bool> {
    let (data,): (String,) =
        sqlx::query_as("select current_setting('data_directory')").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(Path::new(&data).starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing_behind() {
        let server = PostgresServer::start().await.expect("a server");
        let (url, folder) = (format!("{}/postgres", server.url()), server.kept.folder().to_owned());
        let mut connection = PgConnection::connect(&url).await.expect("it answers");
        // What makes a forgotten `collate "C"` visible.
        let (english,): (bool,) =
            sqlx::query_as("select 'a' < 'B'").fetch_one(&mut connection).await.expect("a row");
        assert!(english, "the default collation is not that of SQLite");
        assert!(server.log().contains("ready to accept connections"));
        drop(server);
        assert!(!folder.exists());
        assert!(PgConnection::connect(&url).await.is_err());
    }
}
