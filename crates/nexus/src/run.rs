//! Starting and ending roles. Start-up order is written here once.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use base::Ambient;
use blob::Store;
use catalogue::{Catalogue, Work};
use db::Db;
use edge::{Edge, EdgeOptions, Upstream};
use events::{Bus, Outbox, PumpOptions};
use httpkit::{Guard, Limits, TrustedProxies};
use identity::Identity;
use jobs::{Instance, Queue, WorkerOptions};
use lifecycle::Tasks;
use origin::{Origin, Parts, Urls};
use playback_token::{Signer, Verifier};
use sandbox::{Options, Sandbox};
use settings::{Secret, Settings};
use telemetry::{Health, Metrics, State};
use tokio::net::TcpListener;
use tracing::{info, warn};
use transcoder::Transcoder;

use crate::stores;

/// Events a slow listener may fall behind before it has to start over.
const BUS_CAPACITY: usize = 4_096;
/// How often workers look for jobs of other processes.
const JOB_POLL: Duration = Duration::from_secs(1);
/// Lost leases after which a job is given up: it may be what kills its workers.
const INTERRUPTIONS_MAX: u32 = 50;
/// How often queue depths are measured.
const DEPTH_EVERY: Duration = Duration::from_secs(10);
/// Where the key of the first owner is left for whoever started the server.
pub const OWNER_KEY_FILE: &str = "owner.key";

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything; with a welcome for whoever tries it out.
    All {
        /// Whether to make a demonstration film.
        demo: bool,
    },
    /// API, uploads, page and playlists.
    Origin,
    /// Jobs.
    Transcoder,
}

/// What every role but the edge is made of.
struct House {
    settings: Settings,
    ambient: Ambient,
    tasks: Tasks,
    health: Health,
    metrics: Metrics,
    db: Db,
    store: Store,
    queue: Queue,
    bus: Bus,
    catalogue: Catalogue,
    instance: Instance,
}

impl House {
    async fn open(settings: Settings) -> Result<Self> {
        telemetry::init(&settings.telemetry)?;
        let metrics = Metrics::install()?;
        let (ambient, tasks, health) = (lifecycle::system(), Tasks::new(), Health::new());
        lifecycle::watch_signals(&tasks)?;
        let db = stores::database(&settings).await?;
        let store = stores::objects(&settings, ambient.clone()).await?;
        let queue = Queue::new(db.clone(), ambient.clone());
        let instance = Instance::begin(&settings.data.join("instance"), &queue, &ambient).await?;
        let outbox = Outbox::new(db.clone(), ambient.clone());
        let bus = Bus::open(outbox.clone(), BUS_CAPACITY).await?;
        tasks.spawn_critical("events", events::pump(bus.clone(), tasks.clone(), PumpOptions::default()));
        let lease = Duration::from_secs(settings.transcode.lease_seconds.into());
        let catalogue =
            Catalogue::new(db.clone(), queue.clone(), outbox, bus.clone(), ambient.clone(), lease);
        health.report("database", State::Ok);
        health.report("store", State::Ok);
        Ok(Self { settings, ambient, tasks, health, metrics, db, store, queue, bus, catalogue, instance })
    }

    /// Makes the first owner's key, once in the life of a database, and leaves it in the data folder.
    async fn welcome(&self, identity: &Identity) -> Result<()> {
        let Some(key) = identity.ensure_owner().await? else { return Ok(()) };
        let file = self.settings.data.join(OWNER_KEY_FILE);
        stores::write_secret(&file, format!("{}\n", key.secret.expose()).as_bytes())?;
        info!("the owner's API key is in {}; sign in with it and keep it", file.display());
        Ok(())
    }

    async fn origin(&self, credential: Option<Secret>) -> Result<Origin> {
        let identity = Identity::new(self.db.clone(), self.ambient.clone());
        self.welcome(&identity).await?;
        let signer = self.signer()?;
        let verifier = Verifier::new(&signer.jwks())?;
        let settings = &self.settings;
        let origin = Origin::new(Parts {
            identity,
            catalogue: self.catalogue.clone(),
            store: self.store.clone(),
            bus: self.bus.clone(),
            signer,
            verifier,
            edge_credential: credential,
            ambient: self.ambient.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            metrics_token: settings.telemetry.metrics_token.clone(),
            urls: Urls { public: settings.public_url(), media: settings.edge_url() },
            limits: origin::Limits { upload: settings.upload.clone(), playback: settings.playback.clone() },
            stop: self.tasks.soft(),
        });
        origin::wire(&origin, &self.tasks);
        Ok(origin)
    }

    fn signer(&self) -> Result<Signer> {
        let path = self.settings.data.join("playback.key");
        let bytes = stores::secret_file(&path, || self.ambient.bytes::<32>().to_vec())?;
        Signer::from_bytes(&bytes).with_context(|| format!("reading {}", path.display()))
    }

    /// Starts the workers, which begin once the plug-in registry is warm and a child has shown its door.
    fn transcode(&self) -> Result<()> {
        let transcode = &self.settings.transcode;
        if transcode.workers == 0 {
            return Ok(());
        }
        let registry: PathBuf = std::path::absolute(self.settings.data.join("gst-registry.bin"))?;
        let sandbox = Sandbox::new(Options::new(transcode, registry)).context("starting the sandbox")?;
        let (policy, limits) = Transcoder::rules(transcode);
        let transcoder = Arc::new(Transcoder {
            sandbox,
            queue: self.queue.clone(),
            catalogue: self.catalogue.clone(),
            store: self.store.clone(),
            db: self.db.clone(),
            policy,
            limits,
        });
        let options = WorkerOptions {
            worker: self.instance.worker().clone(),
            kinds: Work::KINDS.to_vec(),
            concurrency: transcode.workers as usize,
            lease: Duration::from_secs(transcode.lease_seconds.into()),
            poll: JOB_POLL,
            attempts_max: transcode.attempts_max,
            interruptions_max: INTERRUPTIONS_MAX,
        };
        let (queue, tasks, health) = (self.queue.clone(), self.tasks.clone(), self.health.clone());
        self.tasks.spawn_critical("transcoder", async move {
            health.report("sandbox", inspect(&transcoder).await);
            jobs::work(queue, tasks, options, transcoder).await
        });
        self.tasks
            .spawn_critical("job-depths", jobs::watch(self.queue.clone(), self.tasks.clone(), DEPTH_EVERY));
        Ok(())
    }

    async fn end(self) -> ExitCode {
        let grace = Duration::from_secs(self.settings.server.shutdown_grace_seconds.into());
        end(&self.tasks, grace).await
    }
}

/// Warms the plug-in registry and asks a child what holds it in.
async fn inspect(transcoder: &Transcoder) -> State {
    if let Err(error) = transcoder.sandbox.warm_registry().await {
        warn!("the plug-in registry could not be warmed: {error}");
    }
    match transcoder.sandbox.inspect_door().await {
        Ok(door) if door.missing.is_empty() => State::Ok,
        Ok(door) => {
            let missing = door.missing.join("; ");
            warn!("the sandbox is weaker than it should be: {missing}");
            State::Degraded(missing)
        }
        Err(error) => {
            warn!("the sandbox does not work: {error}");
            State::Down(error.to_string())
        }
    }
}

/// Waits for the soft stage, then lets everything finish.
async fn end(tasks: &Tasks, grace: Duration) -> ExitCode {
    tasks.soft().cancelled().await;
    if let Err(unfinished) = tasks.shutdown(grace).await {
        warn!("{unfinished}");
    }
    if tasks.crashed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Opens the listener first: a port that is taken is the likeliest mistake, and port 0 names the URL.
async fn listen(settings: &mut Settings) -> Result<TcpListener> {
    let listener = TcpListener::bind(settings.server.listen).await;
    let listener =
        listener.with_context(|| format!("listening on {} (server.listen)", settings.server.listen))?;
    settings.server.listen = listener.local_addr()?;
    Ok(listener)
}

fn serve(
    settings: &Settings,
    ambient: &Ambient,
    tasks: &Tasks,
    listener: TcpListener,
    router: Router,
) -> Result<()> {
    let proxies = TrustedProxies::parse(&settings.server.trusted_proxies)?;
    let stall = Duration::from_secs(settings.upload.stall_seconds.into());
    let guard = Guard { trusted_proxies: proxies, body_idle: stall, ..Guard::new(ambient.clone()) };
    let limits = Limits {
        connections_max: settings.server.connections_max as usize,
        drain: Duration::from_secs(settings.server.shutdown_grace_seconds.into()),
        ..Limits::default()
    };
    let router = httpkit::guard(router, guard);
    let served = tasks.clone();
    tasks.spawn_critical("listener", async move { httpkit::serve(listener, router, limits, &served).await });
    Ok(())
}

/// Runs a role until it is told to stop.
///
/// # Errors
/// When it cannot start; the message says what to change.
pub async fn run(role: Role, mut settings: Settings) -> Result<ExitCode> {
    let listener = match role {
        Role::Transcoder => None,
        Role::All { .. } | Role::Origin => Some(listen(&mut settings).await?),
    };
    let house = House::open(settings).await?;
    if let Some(listener) = listener {
        let router = match role {
            Role::Origin => {
                let credential =
                    Some(house.settings.edge.credential.clone()).filter(|secret| !secret.is_empty());
                let origin = house.origin(credential).await?;
                origin::router(&origin).merge(origin::media_router(&origin))
            }
            Role::All { .. } | Role::Transcoder => {
                let credential = edge::Credential::random(&house.ambient);
                let origin = house.origin(Some(credential.secret().clone())).await?;
                let options = EdgeOptions::from_settings(&house.settings.edge, house.ambient.clone())
                    .with_credential(credential)
                    .with_keys(origin.signer.jwks());
                let edge =
                    Edge::new(options, Upstream::in_process(origin::media_router(&origin)), &house.tasks)?;
                origin::router(&origin).merge(edge.router())
            }
        };
        serve(&house.settings, &house.ambient, &house.tasks, listener, router)?;
        println!("nexus is ready on {}", house.settings.public_url());
    } else {
        println!("nexus transcoder is ready");
    }
    if role != Role::Origin {
        house.transcode()?;
    }
    if role == (Role::All { demo: true }) {
        house.tasks.spawn("demo", crate::demo::run(house.settings.clone()));
    }
    Ok(house.end().await)
}

/// Runs an edge in front of another process's origin.
///
/// # Errors
/// When it cannot start; the message says what to change.
pub async fn edge(mut settings: Settings) -> Result<ExitCode> {
    if settings.edge.upstream.is_empty() {
        anyhow::bail!(
            "edge.upstream is empty: name the origin to pull from, such as --upstream http://origin:8080"
        );
    }
    let listener = listen(&mut settings).await?;
    telemetry::init(&settings.telemetry)?;
    let metrics = Metrics::install()?;
    let (ambient, tasks, health) = (lifecycle::system(), Tasks::new(), Health::new());
    lifecycle::watch_signals(&tasks)?;
    let options = EdgeOptions::from_settings(&settings.edge, ambient.clone());
    let upstream = Upstream::http(&settings.edge.upstream, httpkit::client::Client::new(Default::default()))?;
    let edge = Edge::new(options, upstream, &tasks)?;
    let router = edge.stand_alone(health, metrics, &settings.telemetry.metrics_token);
    serve(&settings, &ambient, &tasks, listener, router)?;
    println!("nexus edge is ready on {}", settings.public_url());
    let grace = Duration::from_secs(settings.server.shutdown_grace_seconds.into());
    Ok(end(&tasks, grace).await)
}
