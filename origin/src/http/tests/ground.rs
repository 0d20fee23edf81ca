//! An origin over a database, and callers of every kind.

use std::{sync::LazyLock, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use base::{PageRequest, Role, TenantId};
use blob::Store;
use catalogue::Catalogue;
use db::Db;
use events::{
    Bus, Outbox,
    webhooks::{MasterKey, Webhooks},
};
use httpkit::{ClientAddr, outbound::Reach};
use idempotency::Idempotency;
use identity::{Caller, Identity, KeyWish, NewUser, Scope, Scopes};
use jobs::Queue;
use lifecycle::Tasks;
use live::Live;
use playback_token::{Signer, Verifier};
use serde_json::Value;
use telemetry::{Health, Metrics, Role as Duty};
use testkit::FakeClock;
use tower::ServiceExt;

use crate::{Doors, Imports, Limits, Origin, Parts, TOLD, Urls};

/// Where the page under test is.
pub(super) const PUBLIC_URL: &str = "http://nexus.test";
/// A password that is long enough.
pub(super) const PASSWORD: &str = "a long enough one";

/// One recorder for the process.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::install().expect("the first recorder"));

pub(super) struct Ground {
    pub(super) origin: Origin,
    pub(super) router: Router,
    pub(super) clock: FakeClock,
    /// The first tenant.
    pub(super) home: TenantId,
    _folder: tempfile::TempDir,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// The cookie that a browser would keep.
    pub(super) fn cookie(&self) -> String {
        let value = self.headers[header::SET_COOKIE].to_str().expect("text");
        value.split(';').next().expect("a pair").to_owned()
    }
}

impl Ground {
    pub(super) async fn new(db: Db) -> Self {
        let (ambient, clock) = testkit::ambient();
        let outbox = Outbox::new(db.clone(), ambient.clone());
        let bus = Bus::open(outbox.clone(), 64).await.expect("a bus");
        let queue = Queue::new(db.clone(), ambient.clone());
        let lease = Duration::from_secs(15);
        let webhooks =
            Webhooks::new(db.clone(), ambient.clone(), outbox.clone(), MasterKey::new(&[7; 32]), TOLD, false);
        let idempotency = Idempotency::new(db.clone(), ambient.clone());
        let live =
            Live::new(db.clone(), outbox.clone(), ambient.clone(), live::MasterKey::new(&[7; 32]), false);
        let catalogue =
            Catalogue::new(db.clone(), queue.clone(), outbox, bus.clone(), ambient.clone(), lease);
        let signer = Signer::from_bytes(&[7; 32]).expect("a key");
        let identity = Identity::new(db, ambient.clone());
        let home = identity.home_tenant().await.expect("a tenant");
        let folder = tempfile::tempdir().expect("a folder");
        let origin = Origin::new(Parts {
            identity,
            home: home.clone(),
            catalogue,
            live,
            queue,
            store: Store::memory(),
            live_folder: folder.path().to_path_buf(),
            bus,
            webhooks,
            idempotency,
            verifier: Verifier::new(&signer.jwks()).expect("keys"),
            signer,
            edge_credential: None,
            worker: ambient.id(),
            ambient,
            health: Health::new(Duty::Origin),
            metrics: METRICS.clone(),
            metrics_token: settings::Settings::default().telemetry.metrics_token,
            urls: Urls { public: PUBLIC_URL.to_owned(), media: PUBLIC_URL.to_owned() },
            doors: Doors::default(),
            encoding: None,
            presigned_reads: false,
            limits: Limits {
                upload: settings::Upload::default(),
                playback: settings::Playback::default(),
                webhook_reach: Reach::Public,
            },
            imports: Imports::new(&Self::imports()).expect("settings"),
            tasks: Tasks::new(),
        });
        let router = crate::router(&origin).merge(crate::media_router(&origin));
        Self { origin, router, clock, home, _folder: folder }
    }

    /// Files may be fetched from one host.
    fn imports() -> settings::Import {
        settings::Import { allow: vec!["films.example".to_owned()], ..settings::Import::default() }
    }

    pub(super) fn operator(&self) -> Caller {
        Caller::operator(self.home.clone())
    }

    /// A key of a tenant.
    pub(super) async fn key(&self, tenant: &TenantId, role: Role, scopes: &[Scope]) -> String {
        let scopes = if scopes.is_empty() {
            Scopes::whole()
        } else {
            Scopes::only(scopes.iter().copied()).expect("some")
        };
        let wish = KeyWish { name: "test".to_owned(), role, scopes, lifetime: None };
        let made = self.origin.identity.create_key(&Caller::operator(tenant.clone()), wish).await;
        made.expect("made").secret.expose().to_owned()
    }

    /// A person of the first tenant.
    pub(super) async fn user(&self, name: &str, role: Role) -> identity::User {
        let new = NewUser { name: name.to_owned(), role, password: PASSWORD.to_owned() };
        self.origin.identity.create_user(&self.operator(), new).await.expect("added")
    }

    /// The cookie of somebody who signed in.
    pub(super) async fn signed_in(&self, name: &str) -> String {
        let token = self.origin.identity.sign_in_password(name, PASSWORD.to_owned(), None).await;
        let token = token.expect("a database").expect("a good password");
        format!("{}={}", super::super::auth::COOKIE, token.secret.expose())
    }

    /// The identifiers of an asset and its upload, begun by an owner of a tenant.
    pub(super) async fn upload(&self, tenant: &TenantId) -> (String, String) {
        let key = self.key(tenant, Role::Owner, &[]).await;
        let request = Request::post("/files").header("authorization", format!("Bearer {key}"));
        let request = request.header("tus-resumable", "1.0.0").header("upload-length", "100");
        let answer = self.send(request, "").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let text = |name: &str| answer.headers[name].to_str().expect("text").to_owned();
        let upload = text("location").rsplit('/').next().expect("an identifier").to_owned();
        (text("nexus-asset"), upload)
    }

    /// The identifier of a webhook, added by an owner of a tenant.
    pub(super) async fn webhook(&self, tenant: &TenantId) -> String {
        let key = self.key(tenant, Role::Owner, &[]).await;
        let request = Request::post("/api/v1/webhooks").header("authorization", format!("Bearer {key}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = self.send(request, r#"{"url":"https://example.com/told"}"#).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.body["id"].as_str().expect("an identifier").to_owned()
    }

    /// What an owner of a tenant is told of a channel that they make.
    pub(super) async fn channel(&self, tenant: &TenantId, new: &Value) -> Value {
        let key = self.key(tenant, Role::Owner, &[]).await;
        let request = Request::post("/api/v1/channels").header("authorization", format!("Bearer {key}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = self.send(request, &new.to_string()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.body
    }

    /// The words of the audit log, by the alphabet: the clock stands still.
    pub(super) async fn actions(&self) -> Vec<String> {
        let page = self.origin.identity.audit(&self.home, &PageRequest::new(None, None)).await;
        let mut actions: Vec<_> = page.expect("a page").items.into_iter().map(|entry| entry.action).collect();
        actions.sort();
        actions
    }

    /// Sends a request as from an address of the outside.
    pub(super) async fn send(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let mut request = request.body(Body::from(body.to_owned())).expect("a request");
        let address = "203.0.113.7".parse().expect("an address");
        request.extensions_mut().insert(ClientAddr(address));
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        // An event stream has no end to wait for.
        let streams = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let bytes = if streams {
            Vec::new()
        } else {
            axum::body::to_bytes(body, 1 << 20).await.expect("a body").to_vec()
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A JSON request of a browser on our own page, with a cookie or without.
    pub(super) async fn browse(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request, &if body.is_null() { String::new() } else { body.to_string() }).await
    }
}
