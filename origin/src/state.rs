//! What handlers share.

use std::{ops::Deref, sync::Arc};

use ::live::Live;
use base::{Ambient, TenantId, WorkerId};
use blob::Store;
use catalogue::Catalogue;
use events::{Bus, webhooks::Webhooks};
use httpkit::outbound::Reach;
use idempotency::Idempotency;
use identity::Identity;
use jobs::Queue;
use lifecycle::Tasks;
use playback_token::{Signer, Verifier};
use settings::Secret;
use telemetry::{Health, Metrics};

use crate::{
    Imports,
    http::{Followers, Pace},
    live::{Asker, Audiences, Encoding, Shelves, Stages},
};

/// Bases of the URLs that leave the server, without trailing slashes.
#[derive(Clone, Debug)]
pub struct Urls {
    /// Page, API and uploads.
    pub public: String,
    /// Media.
    pub media: String,
}

/// Where live streams come in and go out, as the world knows it; what is not offered is `None` or `false`.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// What encoders take as the RTMP server, beside the stream key: `rtmp://HOST:1935/live`.
    pub rtmp: Option<String>,
    /// The SRT listener: `srt://HOST:8890`.
    pub srt: Option<String>,
    /// Base of WHIP endpoints, without a trailing slash.
    pub whip: Option<String>,
    /// Base of WHEP endpoints, without a trailing slash.
    pub whep: Option<String>,
    /// Whether channels are packaged as HLS.
    pub hls: bool,
    /// Whether channels are packaged as DASH.
    pub dash: bool,
}

/// Bounds that requests meet.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Uploads.
    pub upload: settings::Upload,
    /// Playback tokens.
    pub playback: settings::Playback,
    /// Where webhooks may lead to.
    pub webhook_reach: Reach,
}

/// Everything the origin is made of.
pub struct Parts {
    /// Who may do what.
    pub identity: Identity,
    /// The first tenant: whose administrators run the installation.
    pub home: TenantId,
    /// What exists.
    pub catalogue: Catalogue,
    /// Who may send, and what is being sent.
    pub live: Live,
    /// What waits to be done.
    pub queue: Queue,
    /// The bytes.
    pub store: Store,
    /// Where broadcasts are on this machine's disk until the store has them.
    pub live_folder: std::path::PathBuf,
    /// What happens.
    pub bus: Bus,
    /// Who is told of it elsewhere.
    pub webhooks: Webhooks,
    /// Answers to requests that may be repeated.
    pub idempotency: Idempotency,
    /// Mints playback tokens.
    pub signer: Signer,
    /// Verifies them.
    pub verifier: Verifier,
    /// Tells that an edge has verified a token; none means that no edge is trusted.
    pub edge_credential: Option<Secret>,
    /// Time, ids and secrets.
    pub ambient: Ambient,
    /// How the parts fare.
    pub health: Health,
    /// What `/metrics` prints.
    pub metrics: Metrics,
    /// Who may read `/metrics` without a key.
    pub metrics_token: Secret,
    /// Bases of URLs.
    pub urls: Urls,
    /// Where live streams come in and go out.
    pub doors: Doors,
    /// What lower rungs of live streams are made with; without it there are none.
    pub encoding: Option<Encoding>,
    /// Bounds.
    pub limits: Limits,
    /// What may be fetched from where.
    pub imports: Imports,
    /// Whether viewers read media from the object store itself, where it has addresses.
    pub presigned_reads: bool,
    /// Whom this process's leases belong to.
    pub worker: WorkerId,
    /// What goes on when a request has ended; its soft stage ends long answers.
    pub tasks: Tasks,
}

struct Shared {
    parts: Parts,
    followers: Followers,
    pace: Pace,
    stages: Stages,
    shelves: Shelves,
    audiences: Audiences,
    asker: Asker,
}

/// The origin; clones share its parts.
#[derive(Clone)]
pub struct Origin(Arc<Shared>);

impl Origin {
    /// An origin of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let shelves = Shelves::new(parts.live_folder.clone());
        let asker = Asker::new(parts.limits.webhook_reach.clone());
        Self(Arc::new(Shared {
            parts,
            shelves,
            asker,
            followers: Followers::default(),
            pace: Pace::default(),
            stages: Stages::default(),
            audiences: Audiences::default(),
        }))
    }

    /// Who follows events at the moment.
    pub(crate) fn followers(&self) -> &Followers {
        &self.0.followers
    }

    /// What is on air in this process.
    pub(crate) fn stages(&self) -> &Stages {
        &self.0.stages
    }

    /// Asks channels' owners who may publish.
    pub(crate) fn asker(&self) -> &Asker {
        &self.0.asker
    }

    /// What is on this machine's disk of broadcasts.
    pub(crate) fn shelves(&self) -> &Shelves {
        &self.0.shelves
    }

    /// Who watches what is on air, as far as they say so to this process.
    pub(crate) fn audiences(&self) -> &Audiences {
        &self.0.audiences
    }

    /// How often players spoke lately.
    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }
}

impl Deref for Origin {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}
