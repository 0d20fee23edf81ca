//! Starting and ending roles. Start-up order is written here once.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use base::Ambient;
use blob::Store;
use catalogue::Catalogue;
use db::Db;
use edge::{Edge, EdgeOptions, Upstream};
use events::{
    Bus, Outbox, PumpOptions,
    webhooks::{MasterKey, Webhooks},
};
use httpkit::{Front, outbound::Reach};
use idempotency::Idempotency;
use identity::{Identity, SetupOffer};
use jobs::{Instance, Presence, Queue, WorkerOptions};
use lifecycle::Tasks;
use live::Live;
use media::LadderPolicy;
use origin::{Encoding, Imports, Origin, Parts, Urls, WatchOptions};
use playback_token::{Signer, Verifier};
use sandbox::{Options, Sandbox};
use settings::{Secret, Settings};
use telemetry::{Health, Metrics, Role, State};
use tracing::{info, warn};
use transcoder::Transcoder;

use crate::{
    demo::{Demo, DemoChannel},
    encoders::Encoders,
    stores,
    watch::{self, Watched},
};

/// Events a slow listener may fall behind before it has to start over.
const BUS_CAPACITY: usize = 4_096;
/// How often workers look for jobs of other processes.
const JOB_POLL: Duration = Duration::from_secs(1);
/// Lost leases after which a job is given up: it may be what kills its workers.
const INTERRUPTIONS_MAX: u32 = 50;
/// How often queue depths are measured.
const DEPTH_EVERY: Duration = Duration::from_secs(10);

/// What every role but the edge is made of.
struct House {
    settings: Settings,
    ambient: Ambient,
    tasks: Tasks,
    health: Health,
    metrics: Metrics,
    db: Db,
    identity: Identity,
    store: Store,
    queue: Queue,
    outbox: Outbox,
    bus: Bus,
    catalogue: Catalogue,
    instance: Instance,
    role: Role,
}

impl House {
    async fn open(role: Role, settings: Settings, ambient: Ambient) -> Result<Self> {
        telemetry::init(&settings.telemetry)?;
        let metrics = Metrics::install()?;
        let (tasks, health) = (Tasks::new(), Health::new(role));
        lifecycle::watch_signals(&tasks)?;
        let db = stores::database(&settings).await?;
        let store = stores::objects(&settings, ambient.clone()).await?;
        let queue = Queue::new(db.clone(), ambient.clone());
        let instance = Instance::begin(&settings.data.join("instance"), &queue, &ambient).await?;
        // Every role tells how deep the queue is: transcoders are scaled by it also while none runs.
        tasks.spawn_critical("job-depths", jobs::watch(queue.clone(), tasks.clone(), DEPTH_EVERY));
        let outbox = Outbox::new(db.clone(), ambient.clone());
        let bus = Bus::open(outbox.clone(), BUS_CAPACITY).await?;
        tasks.spawn_critical("events", events::pump(bus.clone(), tasks.clone(), PumpOptions::default()));
        let lease = Duration::from_secs(settings.transcode.lease_seconds.into());
        let grace = Duration::from_secs(settings.playback.version_grace_seconds.into());
        let catalogue =
            Catalogue::new(db.clone(), queue.clone(), outbox.clone(), bus.clone(), ambient.clone(), lease)
                .with_limits(stores::limits(&settings.upload))
                .with_version_grace(grace);
        if let Some(previous) = instance.previous() {
            catalogue.release_writer(previous).await?;
        }
        tasks.spawn_critical(
            "health",
            watch::watch(Watched::new(&settings, &db, &store, &health), tasks.soft()),
        );
        let identity = Identity::new(db.clone(), ambient.clone());
        Ok(Self {
            settings,
            ambient,
            tasks,
            health,
            metrics,
            db,
            identity,
            store,
            queue,
            outbox,
            bus,
            catalogue,
            instance,
            role,
        })
    }

    /// The address at which the first owner is made, while there is none and no other process has just printed
    /// one.
    async fn setup_link(&self) -> Result<Option<String>> {
        let folder = std::path::absolute(&self.settings.data)?;
        let maker = format!("{}:{}", lifecycle::host_name(), folder.display());
        match self.identity.offer_setup(&maker).await? {
            SetupOffer::Link { secret, .. } => {
                Ok(Some(format!("{}/setup/{}", self.settings.public_url(), secret.expose())))
            }
            SetupOffer::Elsewhere => {
                info!(
                    "another process has printed a set-up link; to get one here, start again in ten minutes, \
                     or use `nexus user create NAME --role owner`"
                );
                Ok(None)
            }
            SetupOffer::Done => Ok(None),
        }
    }

    async fn origin(&self, credential: Option<Secret>) -> Result<Origin> {
        let signer = self.signer()?;
        let verifier = Verifier::new(&signer.jwks())?;
        let settings = &self.settings;
        let home = self.identity.home_tenant().await?;
        let encoders = Encoders::open(settings).await?;
        let origin = Origin::new(Parts {
            identity: self.identity.clone(),
            home,
            catalogue: self.catalogue.clone(),
            live: self.live().await?,
            queue: self.queue.clone(),
            store: self.store.clone(),
            live_folder: settings.data.join("live"),
            bus: self.bus.clone(),
            webhooks: self.webhooks()?,
            idempotency: Idempotency::new(self.db.clone(), self.ambient.clone()),
            signer,
            verifier,
            edge_credential: credential,
            ambient: self.ambient.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            metrics_token: settings.telemetry.metrics_token.clone(),
            urls: Urls { public: settings.public_url(), media: settings.edge_url() },
            doors: encoders.doors()?,
            encoding: Some(self.encoding()?),
            limits: origin::Limits {
                upload: settings.upload.clone(),
                playback: settings.playback.clone(),
                webhook_reach: if settings.webhook.allow_private { Reach::Anywhere } else { Reach::Public },
            },
            presigned_reads: settings.store.presigned_reads,
            worker: self.instance.worker().clone(),
            imports: Imports::new(&settings.import)?,
            tasks: self.tasks.clone(),
        });
        origin::wire(&origin, &self.tasks);
        encoders.take(&origin, &self.tasks);
        self.take_in(&origin).await?;
        let edge = &settings.edge;
        origin::purge_far(&self.tasks, &self.outbox, &edge.purge, &edge.credential);
        Ok(origin)
    }

    /// What lower rungs of live streams are made with.
    fn encoding(&self) -> Result<Encoding> {
        let (transcode, live) = (&self.settings.transcode, &self.settings.live);
        let sandbox = Arc::new(Sandbox::new(self.sandbox_options()?).context("starting the sandbox")?);
        let policy = LadderPolicy {
            heights: live.heights.clone(),
            crf: transcode.crf.into(),
            preset: transcode.preset.clone(),
            ..LadderPolicy::default()
        };
        if transcode.workers == 0 || self.role == Role::Origin {
            let warm = Arc::clone(&sandbox);
            drop(self.tasks.spawn("live-registry", async move {
                if let Err(error) = warm.warm_registry().await {
                    warn!("the plug-in registry could not be warmed: {error}");
                }
            }));
        }
        Ok(Encoding { sandbox, policy })
    }

    fn sandbox_options(&self) -> Result<Options> {
        let registry: PathBuf = std::path::absolute(self.settings.data.join("gst-registry.bin"))?;
        Ok(Options::new(&self.settings.transcode, registry))
    }

    /// Starts what brings in files other than by upload.
    async fn take_in(&self, origin: &Origin) -> Result<()> {
        let (import, watch) = (&self.settings.import, &self.settings.watch);
        if import.workers > 0 {
            let options = self.worker(vec![origin::IMPORT], import.workers as usize, import.attempts_max);
            origin::work_imports(origin, &self.tasks, options);
        }
        if watch.folder.as_os_str().is_empty() {
            return Ok(());
        }
        let tenant = if watch.tenant.is_empty() {
            origin.home.clone()
        } else {
            let tenant = watch.tenant.parse().context("watch.tenant")?;
            self.identity.tenant_name(&tenant).await.context("watch.tenant")?;
            tenant
        };
        let visibility = watch.visibility.parse().map_err(anyhow::Error::msg).context("watch.visibility")?;
        let settle = Duration::from_secs(watch.settle_seconds.into());
        let (folder, at_once) = (watch.folder.clone(), watch.at_once as usize);
        let options = WatchOptions { folder, tenant, visibility, settle, at_once };
        origin::watch_folder(origin, &self.tasks, options);
        Ok(())
    }

    /// How this process works on jobs of these kinds.
    fn worker(&self, kinds: Vec<&'static str>, concurrency: usize, attempts_max: u32) -> WorkerOptions {
        WorkerOptions {
            worker: self.instance.worker().clone(),
            kinds,
            concurrency,
            lease: Duration::from_secs(self.settings.transcode.lease_seconds.into()),
            poll: JOB_POLL,
            attempts_max,
            interruptions_max: INTERRUPTIONS_MAX,
        }
    }

    /// What secrets are derived from that are kept nowhere.
    fn master_key(&self) -> Result<Vec<u8>> {
        let key = &self.settings.webhook.key;
        if !key.is_empty() {
            return Ok(key.expose().as_bytes().to_vec());
        }
        let path = self.settings.data.join("webhook.key");
        stores::secret_file(&path, || self.ambient.bytes::<32>().to_vec())
    }

    fn webhooks(&self) -> Result<Webhooks> {
        let (db, ambient, outbox) = (self.db.clone(), self.ambient.clone(), self.outbox.clone());
        let (key, plain) = (MasterKey::new(&self.master_key()?), self.settings.webhook.allow_private);
        Ok(Webhooks::new(db, ambient, outbox, key, origin::TOLD, plain))
    }

    /// Channels and broadcasts, those of the process that ran here before free to be taken up.
    async fn live(&self) -> Result<Live> {
        let (db, ambient, outbox) = (self.db.clone(), self.ambient.clone(), self.outbox.clone());
        let (key, plain) = (live::MasterKey::new(&self.master_key()?), self.settings.webhook.allow_private);
        let limits = stores::live_limits(&self.settings.live);
        let live = Live::new(db, outbox, ambient, key, plain).with_limits(limits);
        if let Some(previous) = self.instance.previous() {
            live.release_holder(previous).await?;
        }
        Ok(live)
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
            let reason = "transcode.workers is 0: other processes do the work".to_owned();
            self.health.report("sandbox", State::Degraded(reason));
            return Ok(());
        }
        let sandbox = Sandbox::new(self.sandbox_options()?).context("starting the sandbox")?;
        let (policy, limits) = Transcoder::rules(transcode);
        let transcoder = Arc::new(Transcoder {
            sandbox,
            queue: self.queue.clone(),
            catalogue: self.catalogue.clone(),
            store: self.store.clone(),
            db: self.db.clone(),
            policy,
            limits,
            free_floor_bytes: self.settings.upload.free_floor_bytes,
            health: self.health.clone(),
            patrol_every: Duration::from_secs(transcode.patrol_seconds.into()),
        });
        let options = self.worker(transcoder::kinds(), transcode.workers as usize, transcode.attempts_max);
        let presence = Presence {
            worker: self.instance.worker().clone(),
            name: format!("{}:{}", lifecycle::host_name(), std::process::id()),
            slots: transcode.workers,
        };
        let (queue, tasks, health) = (self.queue.clone(), self.tasks.clone(), self.health.clone());
        self.tasks.spawn_critical("presence", jobs::attend(queue.clone(), tasks.clone(), presence));
        self.tasks.spawn_critical("transcoder", async move {
            health.report("sandbox", inspect(&transcoder).await);
            if let Err(error) = transcoder.begin_patrol().await {
                warn!("the walk over all objects was not queued; the next start does it: {error}");
            }
            jobs::work(queue, tasks, options, transcoder).await
        });
        Ok(())
    }

    fn serve(&self, front: Front, router: Router) {
        front.serve(&self.settings, &self.ambient, &self.tasks, &self.health, router);
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

/// Origin and edge behind one listener.
async fn everything(house: &House) -> Result<(Router, Origin)> {
    let credential = edge::Credential::random(&house.ambient);
    let origin = house.origin(Some(credential.secret().clone())).await?;
    let options = EdgeOptions::from_settings(&house.settings.edge, house.ambient.clone())
        .with_credential(credential)
        .with_keys(origin.signer.jwks());
    let edge = Edge::new(options, Upstream::in_process(origin::media_router(&origin)), &house.tasks)?;
    let purged = edge.clone();
    origin::purge_near(&origin, &house.tasks, move |path| purged.purge(path));
    Ok((origin::router(&origin).merge(edge.router()), origin))
}

async fn origin_alone(house: &House) -> Result<(Router, Origin)> {
    let credential = Some(house.settings.edge.credential.clone()).filter(|secret| !secret.is_empty());
    let origin = house.origin(credential).await?;
    Ok((origin::router(&origin).merge(origin::media_router(&origin)), origin))
}

/// Health checks and metrics of a process without viewers.
fn desk(house: &House) -> Router {
    let token = &house.settings.telemetry.metrics_token;
    httpkit::fallbacks(httpkit::health::routes(house.health.clone(), house.metrics.clone(), token))
}

/// Says where the process answers, where the first owner is made, and how other machines come to it with a certificate of our own making.
fn announce(role: Role, front: &Front, settings: &Settings, setup: Option<&str>) {
    if role == Role::Transcoder {
        println!("nexus transcoder is ready on http://{}", settings.transcode.listen);
        return;
    }
    println!("nexus is ready on {}", settings.public_url());
    if let Some(link) = setup {
        println!("set it up within a day, once, at {link}");
    }
    let Some(own) = front.own_certificate() else { return };
    let listen = settings.server.listen;
    if listen.ip().is_loopback() {
        println!("  from other machines: listen on all addresses, with --listen 0.0.0.0:{}", listen.port());
    } else {
        println!("  from other machines: {} (accept the certificate once)", settings.public_url());
    }
    println!("  certificate: {}", own.files.cert.display());
    println!("  its SHA-256: {}", own.fingerprint);
}

fn demonstration(house: &House, origin: Origin, setup: Option<String>) -> Demo {
    let (settings, identity) = (house.settings.clone(), house.identity.clone());
    let channel =
        DemoChannel { settings: settings.clone(), identity: identity.clone(), db: house.db.clone(), origin };
    Demo { settings, identity, catalogue: house.catalogue.clone(), setup, channel }
}

/// Runs a role until it is told to stop; `demo` welcomes whoever tries it out with a film and a
/// channel on air.
///
/// # Errors
/// When it cannot start; the message says what to change.
pub async fn run(role: Role, demo: bool, mut settings: Settings) -> Result<ExitCode> {
    let ambient = lifecycle::system();
    // The listener first: a port that is taken is the likeliest mistake, and port 0 names the URL.
    let front = match role {
        Role::Edge => return Ok(edge::run(settings).await?),
        Role::Transcoder => Front::open_desk(&mut settings).await?,
        Role::All | Role::Origin => Front::open(&mut settings, ambient.now()).await?,
    };
    let house = House::open(role, settings, ambient).await?;
    let (router, origin) = match role {
        Role::Transcoder => (desk(&house), None),
        Role::Origin => origin_alone(&house).await.map(|(router, origin)| (router, Some(origin)))?,
        _ => everything(&house).await.map(|(router, origin)| (router, Some(origin)))?,
    };
    let setup = if origin.is_some() { house.setup_link().await? } else { None };
    announce(role, &front, &house.settings, setup.as_deref());
    house.serve(front, router);
    if role != Role::Origin {
        house.transcode()?;
    }
    if let Some(origin) = origin.filter(|_| demo) {
        house.tasks.spawn("demo", demonstration(&house, origin, setup).run());
    }
    let server = &house.settings.server;
    Ok(house.tasks.run(server.farewell() + server.grace()).await)
}
