//! A real PostgreSQL server for tests, started on demand and gone with the process that started it.

use std::{
    env,
    io::Read as _,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

/// Where a server that is already running is named, as a URL without a database.
pub const URL_VARIABLE: &str = "NEXUS_TEST_POSTGRES";

const BIN: &str = "/usr/lib/postgresql/15/bin";
const START_ATTEMPTS: usize = 3;
const READY_POLLS: usize = 600;
const READY_POLL: Duration = Duration::from_millis(50);

/// Ends the server and deletes its folder when its standard input closes, which the kernel does however the
/// starter ends.
const KEEPER: &str = r#"
folder=$PWD
"$0" "$@" >server.log 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server
cd / && rm -rf "$folder"
"#;

/// A running server; dropping it stops it and deletes its data.
#[derive(Debug)]
pub struct PostgresServer {
    port: u16,
    keeper: Child,
    folder: TempDir,
}

impl PostgresServer {
    /// The running server's URL from the environment, if the caller of this process named one.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one variable that test scripts hand to test processes"
    )]
    pub fn url_from_environment() -> Option<String> {
        env::var(URL_VARIABLE).ok()
    }

    /// Makes a database cluster in a temporary folder and serves it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When PostgreSQL 15 is not installed or does not start, with its own words.
    pub async fn start() -> Result<Self> {
        let user = ServerUser::find()?;
        for _ in 1..START_ATTEMPTS {
            if let Ok(server) = Self::attempt(user).await {
                return Ok(server);
            }
        }
        Self::attempt(user).await
    }

    async fn attempt(user: ServerUser) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nexus-postgres-").tempdir()?;
        user.give(folder.path())?;
        init(folder.path(), user)?;
        // PostgreSQL cannot choose a port itself; somebody else may take the free one first.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let keeper = serve(folder.path(), user, port)?;
        let mut server = Self { port, keeper, folder };
        ready(port, &mut server.keeper, server.folder.path()).await?;
        Ok(server)
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://nexus@127.0.0.1:{}", self.port)
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        log(self.folder.path())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
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

    fn command(self, program: impl Into<PathBuf>, folder: &Path) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(folder).env("LC_ALL", "C");
        // A group of its own keeps Ctrl-C from reaching the server before its users are done.
        command.process_group(0);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The default collation is English on purpose: text that sorts like SQLite's does so by its own `collate "C"`.
fn init(folder: &Path, user: ServerUser) -> Result<()> {
    let made = user
        .command(Path::new(BIN).join("initdb"), folder)
        .args(["-D", "data", "-U", "nexus", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        .args(["--locale-provider=icu", "--icu-locale=en-US"])
        .output()?;
    if !made.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

fn serve(folder: &Path, user: ServerUser, port: u16) -> Result<Child> {
    let mut command = user.command("/bin/sh", folder);
    command.args(["-c", KEEPER]).arg(Path::new(BIN).join("postgres")).args(["-D", "data", "-k", "."]);
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
    Ok(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

async fn ready(port: u16, keeper: &mut Child, folder: &Path) -> Result<()> {
    let url = format!("postgres://nexus@127.0.0.1:{port}/postgres");
    for _ in 0..READY_POLLS {
        if let Ok(connection) = PgConnection::connect(&url).await
            && is_ours(connection, folder).await?
        {
            return Ok(());
        }
        if log(folder).contains("database system is shut down") || keeper.try_wait()?.is_some() {
            break;
        }
        tokio::time::sleep(READY_POLL).await;
    }
    bail!("PostgreSQL did not start: {}", log(folder))
}

/// Another test's server may have taken the port first.
async fn is_ours(mut connection: PgConnection, folder: &Path) -> Result<bool> {
    let (data,): (String,) =
        sqlx::query_as("select current_setting('data_directory')").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(Path::new(&data).starts_with(folder))
}

fn log(folder: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = std::fs::File::open(folder.join("server.log")) {
        let _ = file.read_to_string(&mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing_behind() {
        let server = PostgresServer::start().await.expect("a server");
        let (url, folder) = (format!("{}/postgres", server.url()), server.folder.path().to_owned());
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
