//! A server under test: the real binary, killed and restarted as a scenario asks.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use testkit::TestRows;

use crate::{Client, Line, PATIENCE, StoreProxy, stack::Stack};

/// Lines of a server's log that are kept for a failing test to show.
const LOG_LINES_MAX: usize = 400;
const ANY_PORT: &str = "127.0.0.1:0";

/// The binary under test: what `NEXUS_BIN` names, as for the peers and players; else the one beside the test's
/// own, in the same profile.
///
/// # Panics
/// When it was not built.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the tests' own setting, not the server's")]
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("NEXUS_BIN") {
        return named.into();
    }
    let own = std::env::current_exe().expect("the test knows its own path");
    let folder = own.parent().and_then(Path::parent).expect("a test lies in deps/ of its profile");
    let binary = folder.join("nexus");
    assert!(binary.exists(), "{} is missing; build it with: cargo build -p nexus", binary.display());
    binary
}

fn folder() -> TempDir {
    TempDir::with_prefix("nexus-test-").expect("a temporary folder")
}

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// The command, `all` unless said otherwise, and its flags.
    pub arguments: Vec<String>,
    /// More environment, such as `NEXUS_TRANSCODE_CRF`.
    pub environment: Vec<(String, String)>,
    /// Where to listen; a free port of the loopback address unless said otherwise.
    pub listen: Option<String>,
}

impl ServerOptions {
    fn listen(&self) -> String {
        self.listen.clone().unwrap_or_else(|| ANY_PORT.into())
    }
}

impl ServerOptions {
    /// Everything in one process, with these settings on top of the defaults.
    #[must_use]
    pub fn all(settings: &[&str]) -> Self {
        Self::command("all", settings)
    }

    /// Another role.
    #[must_use]
    pub fn command(role: &str, settings: &[&str]) -> Self {
        let mut arguments = vec![role.to_owned()];
        arguments.extend(settings.iter().flat_map(|pair| ["--set".to_owned(), (*pair).to_owned()]));
        Self { arguments, ..Self::default() }
    }
}

/// What a server and those beside it keep things in.
#[derive(Clone)]
struct Place {
    stack: Arc<Stack>,
    /// The data folder of the first of them.
    first: Arc<TempDir>,
    /// Its own.
    data: Arc<TempDir>,
    /// An owner's API key, made when it is first asked for.
    key: Arc<OnceLock<String>>,
}

impl Place {
    fn new(stack: Stack, data: TempDir) -> Self {
        let data = Arc::new(data);
        Self { stack: Arc::new(stack), first: data.clone(), data, key: Arc::default() }
    }
}

/// A running server with a data folder of its own.
pub struct Server {
    options: ServerOptions,
    place: Place,
    listen: String,
    child: Child,
    log_reader: JoinHandle<()>,
    log: Arc<Mutex<Vec<String>>>,
    /// Where it answers; empty for a role that does not listen.
    pub url: String,
}

impl Server {
    /// Everything in one process on the defaults.
    pub async fn start() -> Self {
        Self::with(ServerOptions::all(&[])).await
    }

    /// A server with options, on a data folder of its own.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn with(options: ServerOptions) -> Self {
        Self::on(Place::new(Stack::fresh().await, folder()), options.listen(), options).await
    }

    /// The first of several processes: on PostgreSQL and an S3 server, whatever the run of the tests asks for.
    ///
    /// # Panics
    /// When it does not become ready, or one of the servers is missing.
    pub async fn apart(options: ServerOptions) -> Self {
        Self::on(Place::new(Stack::apart().await, folder()), options.listen(), options).await
    }

    /// The same, with something in between that can fail.
    ///
    /// # Panics
    /// When it does not become ready, or one of the servers is missing.
    pub async fn behind(options: ServerOptions) -> (Self, Line, StoreProxy) {
        let (stack, line, store) = Stack::behind().await;
        (Self::on(Place::new(stack, folder()), options.listen(), options).await, line, store)
    }

    /// A look at the rows of a server that was started by [`Server::apart`].
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn rows(&self) -> TestRows {
        self.place.stack.servers().0.rows().await.expect("the database answers")
    }

    /// Where the objects of a server that was started by [`Server::apart`] are: endpoint, bucket, and what their
    /// names begin with.
    #[must_use]
    pub fn bucket(&self) -> (String, String, String) {
        let bucket = &self.place.stack.servers().1.bucket;
        (bucket.endpoint.clone().unwrap_or_default(), bucket.name.clone(), bucket.prefix.clone())
    }

    /// Another process on this one's database and object store, with a data folder of its own.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn beside(&self, options: ServerOptions) -> Self {
        let place = Place { data: Arc::new(folder()), ..self.place.clone() };
        Self::on(place, options.listen(), options).await
    }

    /// A server on a data folder that is there already.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn on_data(data: TempDir, options: ServerOptions) -> Self {
        Self::on(Place::new(Stack::Embedded, data), options.listen(), options).await
    }

    /// Runs a command of the binary on this server's data, while it runs or not; whether it succeeded, and
    /// what it said.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn command(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::from(self.operator(arguments));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.expect("the binary starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn operator(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(binary());
        command.args(arguments).arg("--data").arg(self.data());
        command.args(self.place.stack.flags(self.place.first.path(), self.data()));
        command.envs(self.place.stack.environment());
        command
    }

    async fn on(place: Place, listen: String, options: ServerOptions) -> Self {
        let mut command = Command::new(binary());
        let data = place.data.path();
        command.args(&options.arguments).arg("--data").arg(data).args(["--listen", &listen]);
        command.args(place.stack.flags(place.first.path(), data)).envs(place.stack.environment());
        // Several servers of a run cannot share the port that encoders know.
        command.env("NEXUS_LIVE_RTMP", ANY_PORT).env("NEXUS_LIVE_SRT", ANY_PORT);
        command.envs(options.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let log_reader = keep(stderr, log.clone());
        let Ok(Some(url)) = timeout(PATIENCE, ready(stdout, log.clone())).await else {
            panic!("the server did not become ready:\n{}", text(&log));
        };
        place.stack.check(place.data.path());
        let listen = url.split("://").last().unwrap_or_default().to_owned();
        Self { options, place, listen, child, log_reader, log, url }
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.place.data.path()
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// An owner's API key, made at the command line beside the running server.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn key(&self) -> String {
        let make = || {
            let made = self.run(&["key", "create", "--role", "owner", "--json"], "");
            made["key"].as_str().expect("a key").to_owned()
        };
        self.place.key.get_or_init(make).clone()
    }

    /// Runs a command on the server's database with a text at its standard input; the line of JSON it prints,
    /// null when it prints nothing.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn run(&self, arguments: &[&str], input: &str) -> Value {
        let mut command = self.operator(arguments);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("the command starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// A client with the owner's key.
    #[must_use]
    pub fn client(&self) -> Client {
        self.as_client(Some(self.key()))
    }

    /// A client without any credential.
    #[must_use]
    pub fn stranger(&self) -> Client {
        self.as_client(None)
    }

    fn as_client(&self, key: Option<String>) -> Client {
        let client = Client::new(&self.url, key);
        let own = self.own_certificate();
        if own.exists() { client.trusting(&own) } else { client }
    }

    /// Where it keeps a certificate of its own making.
    #[must_use]
    pub fn own_certificate(&self) -> PathBuf {
        self.data().join("tls-self-signed.crt")
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// The port it listens on, which a public address of its own does not tell.
    ///
    /// # Panics
    /// When it does not say so in its log.
    pub async fn port(&self) -> u16 {
        crate::eventually("the listener's port", async || {
            let log = self.log();
            let (_, rest) = log.split_once("listening on ")?;
            rest.lines().next()?.rsplit(':').next()?.trim().parse().ok()
        })
        .await
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the server has ended.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("the server runs");
    }

    /// Kills it at once, as the kernel or an operator would, and waits until it is gone.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Closes the pipe that it logs to, as a log collector that dies does.
    pub async fn close_log(&mut self) {
        self.log_reader.abort();
        // An aborted task's error says nothing more.
        let _ = (&mut self.log_reader).await;
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Waits for the end of a server that was told to stop.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("it ends")
    }

    /// Starts it again on the same data and port after a kill or stop.
    pub async fn restart(&mut self) {
        let listen = std::mem::take(&mut self.listen);
        *self = Self::on(self.place.clone(), listen, self.options.clone()).await;
    }

    /// The process ids of its pipeline children.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        children_of(self.id())
    }
}

/// The process ids of a process's children.
#[must_use]
pub fn children_of(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let lists = tasks.into_iter().flatten().flatten().map(|task| task.path().join("children"));
    let ids = lists.filter_map(|list| std::fs::read_to_string(list).ok());
    ids.flat_map(|text| text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.url, self.log());
        }
    }
}

fn text(log: &Mutex<Vec<String>>) -> String {
    log.lock().map(|lines| lines.join("\n")).unwrap_or_default()
}

fn remember(log: &Mutex<Vec<String>>, line: String) {
    if let Ok(mut lines) = log.lock() {
        if lines.len() == LOG_LINES_MAX {
            lines.remove(0);
        }
        lines.push(line);
    }
}

#[expect(clippy::disallowed_methods, reason = "the reader ends with the server's pipe; nothing waits for it")]
fn keep(from: impl AsyncRead + Unpin + Send + 'static, log: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            remember(&log, line);
        }
    })
}

/// Waits for the line that says that the server is ready, and where it answers; goes on reading so that the pipe never fills.
async fn ready(
    from: impl AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<Vec<String>>>,
) -> Option<String> {
    let mut reader = BufReader::new(from);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        remember(&log, line.trim_end().to_owned());
        if let Some((_, rest)) = line.split_once(" is ready") {
            let url = rest.trim().trim_start_matches("on ").to_owned();
            keep(reader, log);
            return Some(url);
        }
    }
}
