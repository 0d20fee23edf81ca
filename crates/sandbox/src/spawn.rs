//! Starting a child: an inherited socket, an empty environment, limits, and a tie to our life.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::mpsc;

use pipeline_wire::{GraphSpec, ToChild};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::feeder::Feeder;
use crate::running::count_end;
use crate::supply::Supply;
use crate::{Limits, Options, Running, SandboxError, Source};

/// Address space beyond a child's own memory: the code of all plug-ins and what threads reserve but never touch.
const CODE_BYTES: u64 = 1 << 30;

/// Starts pipeline children. Dropping it kills those that run.
#[derive(Debug)]
pub struct Sandbox {
    options: Options,
    spawner: Spawner,
}

impl Sandbox {
    /// A sandbox; nothing runs yet.
    ///
    /// # Errors
    /// When the thread that starts children cannot start itself.
    pub fn new(options: Options) -> io::Result<Self> {
        Ok(Self { options, spawner: Spawner::start()? })
    }

    /// How children are started and held.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Starts a child on `spec`; its reads are answered from `source`, up to the length the spec states. Where
    /// there is no plug-in registry, it is made first.
    ///
    /// # Errors
    /// [`SandboxError::Spawn`], and those of [`Sandbox::warm_registry`].
    pub async fn start<S: Source>(&self, spec: &GraphSpec, source: S) -> Result<Running, SandboxError> {
        let bytes = spec.source().map_or(0, |source| source.bytes);
        self.start_with(spec, Supply::Reads(Feeder::new(source, bytes))).await
    }

    /// Starts a child that lives on `supply`.
    pub(crate) async fn start_with(&self, spec: &GraphSpec, supply: Supply) -> Result<Running, SandboxError> {
        let limits = self.options.limits.of(spec);
        let (child, socket) =
            self.begin(limits).await.inspect_err(|error| count_end(spec.name(), error.outcome()))?;
        metrics::counter!("nexus_pipeline_children_started_total", "graph" => spec.name()).increment(1);
        let spec_frame = ToChild::Spec(spec.clone()).encode();
        Ok(Running::new(spec.name(), child, socket, spec_frame, supply, limits, self.options.stall))
    }

    async fn begin(&self, limits: Limits) -> Result<(Child, UnixStream), SandboxError> {
        // A child without one would write its own and die of the limit on files.
        if !self.options.registry.exists() {
            self.warm_registry().await?;
        }
        self.spawn(limits).await.map_err(SandboxError::Spawn)
    }

    async fn spawn(&self, limits: Limits) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let mut command = self.command(&["pipeline"]);
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command.env("GST_REGISTRY_UPDATE", "no").env("GST_REGISTRY_FORK", "no");
        let child = self.spawner.spawn(command).await?;
        // The child waits for its spec and so cannot have done anything yet.
        hold(&child, limits)?;
        Ok((child, socket))
    }

    /// The program with an environment of its own: nothing of ours, no secrets.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.options.program);
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env("GST_REGISTRY", &self.options.registry);
        // Arenas reserve address space by the 64 MiB, for every thread.
        command.env("MALLOC_ARENA_MAX", "2");
        command.kill_on_drop(true);
        command
    }
}

fn hold(child: &Child, limits: Limits) -> io::Result<()> {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let limit = |resource, soft, hard| {
        prlimit(pid, resource, Rlimit { current: Some(soft), maximum: Some(hard) }).map(|_| ())
    };
    if pid.is_none() {
        return Err(io::Error::other("the child ended at once"));
    }
    let space = limits.memory_bytes.saturating_add(CODE_BYTES);
    limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    limit(Resource::As, space, space)?;
    limit(Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + 5)?;
    limit(Resource::Nofile, limits.descriptors, limits.descriptors)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    Ok(())
}

/// One thread that starts all children and lives as long as they may: Linux sends a child its parent-death
/// signal when the *thread* that made it ends, and runtime threads come and go.
#[derive(Clone, Debug)]
struct Spawner {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    runtime: tokio::runtime::Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    fn start() -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("spawner".into()).spawn(move || {
            for Order { mut command, runtime, reply } in inbox {
                let _context = runtime.enter();
                // If nobody waits any more the child is dropped, and so killed.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Self { orders })
    }

    async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the spawning thread is gone");
        let runtime = tokio::runtime::Handle::current();
        self.orders.send(Order { command, runtime, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
