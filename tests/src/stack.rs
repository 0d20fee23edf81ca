//! What a server under test keeps its rows and objects in: its own folder, or PostgreSQL and an S3 server.

use std::{net::SocketAddr, path::Path};

use testkit::{Engine, TestBucket, TestDatabase};

use crate::{Line, StoreProxy};

/// Which of them: `embedded`, as without it, or `postgres-s3`.
const STACK_VARIABLE: &str = "NEXUS_TEST_STACK";

/// A database and a place in a bucket, there as long as this.
pub(crate) struct Apart {
    database: TestDatabase,
    bucket: TestBucket,
    /// How servers reach the database and the bucket, where that is not where they are.
    way: Option<(String, String)>,
}

/// An address without what is before and behind its host and port.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let whole = rest.split('/').next().unwrap_or(rest);
    whole.rsplit_once('@').map_or(whole, |(_, authority)| authority)
}

fn address(url: &str) -> SocketAddr {
    authority(url).parse().unwrap_or_else(|_| panic!("{url} has no address and port"))
}

fn by_way_of(url: &str, address: SocketAddr) -> String {
    url.replacen(authority(url), &address.to_string(), 1)
}

/// Where the rows and objects of the servers of one test are.
pub(crate) enum Stack {
    /// In the first one's data folder.
    Embedded,
    /// With servers of their own.
    Apart(Box<Apart>),
}

impl Stack {
    /// An empty one of the kind that this run of the tests asks for.
    pub(crate) async fn fresh() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one variable that test scripts hand to scenarios")]
        let wanted = std::env::var(STACK_VARIABLE);
        match wanted.as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("postgres-s3") => Self::apart().await,
            Ok(other) => panic!("{STACK_VARIABLE} is {other:?}, not embedded or postgres-s3"),
        }
    }

    /// An empty database of a PostgreSQL and an empty place in a bucket of an S3 server.
    pub(crate) async fn apart() -> Self {
        let database = TestDatabase::create(Engine::Postgres).await.expect("a database");
        database.migrate().await.expect("migrations apply");
        let bucket = TestBucket::create().await.expect("an S3 server");
        Self::Apart(Box::new(Apart { database, bucket, way: None }))
    }

    /// The same, reached through what can fail.
    pub(crate) async fn behind() -> (Self, Line, StoreProxy) {
        let Self::Apart(mut apart) = Self::apart().await else { unreachable!("it is apart") };
        let endpoint = apart.bucket.bucket.endpoint.clone().unwrap_or_default();
        let line = Line::to(address(apart.database.url())).await;
        let proxy = StoreProxy::before(address(&endpoint)).await;
        let bucket = apart.bucket.url().replacen(authority(&endpoint), &proxy.address.to_string(), 1);
        apart.way = Some((by_way_of(apart.database.url(), line.address), bucket));
        (Self::Apart(apart), line, proxy)
    }

    /// The database and the bucket behind it.
    ///
    /// # Panics
    /// When rows and objects are in a data folder.
    pub(crate) fn servers(&self) -> (&TestDatabase, &TestBucket) {
        let Self::Apart(apart) = self else { panic!("rows and objects are in the first one's data folder") };
        (&apart.database, &apart.bucket)
    }

    /// Flags of a server whose data folder is `own`, beside the first one's, `first`.
    pub(crate) fn flags(&self, first: &Path, own: &Path) -> Vec<String> {
        let (database, store) = match self {
            Self::Embedded if first == own => return Vec::new(),
            Self::Embedded => (
                format!("sqlite:{}", first.join("nexus.db").display()),
                first.join("store").display().to_string(),
            ),
            Self::Apart(apart) => {
                apart.way.clone().unwrap_or_else(|| (apart.database.url().to_owned(), apart.bucket.url()))
            }
        };
        vec!["--database".into(), database, "--store".into(), store]
    }

    /// Fails when a server with rows and objects elsewhere keeps some in its data folder all the same.
    pub(crate) fn check(&self, data: &Path) {
        let own = ["nexus.db", "store"].map(|name| data.join(name)).into_iter().find(|path| path.exists());
        assert!(matches!(self, Self::Embedded) || own.is_none(), "the server made {own:?}");
    }

    /// Environment of every server: the key to the bucket.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        if matches!(self, Self::Embedded) {
            return Vec::new();
        }
        ["NEXUS_STORE_ACCESS_KEY", "NEXUS_STORE_SECRET_KEY"]
            .map(|name| (name, TestBucket::ACCESS.to_owned()))
            .into()
    }
}
