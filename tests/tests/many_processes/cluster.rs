//! The processes, and looks at what they keep.

use std::{collections::BTreeSet, path::Path, time::Duration};

use tempfile::TempDir;
use testkit::TestRows;
use tests::{Client, Server, ServerOptions, Upload};
use tokio::time::Instant;

/// How long a claim lasts here, in seconds.
pub const LEASE: Duration = Duration::from_secs(3);

/// The longest it takes from the last film until the last sweep has been.
const QUIET_AFTER: Duration = Duration::from_secs(90);

const SETTINGS: [&str; 4] = [
    "transcode.lease_seconds=3",
    "transcode.chunk_seconds=6",
    "transcode.patrol_seconds=2",
    "transcode.attempts_max=20",
];

/// What the rows name, by key. Films of the scenario are so short that they have one sheet of thumbnails.
const NAMED: &str = "
    select format('assets/%s/v%s/%s/%s.a%s.m4s', asset, version, track, lpad(seq::text, 5, '0'), attempt)
        from part, generate_series(first_seq, first_seq + segment_count - 1) seq
    union all select format('assets/%s/v%s/%s/init.a%s.mp4', asset, version, track, attempt)
        from part where chunk = 0
    union all select format('assets/%s/v%s/images/%s.a%s.%s', asset, version, stem, attempt, ending)
        from piece, (values ('poster', 'jpg'), ('thumbs', 'vtt'), ('sprite-000', 'jpg')) file (stem, ending)
        where name = 'images' and attempt is not null
    union all select format('sources/%s/%s', asset, id) from upload where finished_us is not null";

/// One of the processes that are disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Origin(usize),
    Transcoder(usize),
}

/// A job at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtWork {
    pub by: Process,
    id: String,
    attempt: String,
    worker: String,
}

pub struct Cluster {
    origins: [Server; 2],
    transcoders: [Server; 2],
    edge: Server,
    rows: TestRows,
    /// Where uploaders remember what they sent.
    memory: TempDir,
    assets: usize,
}

impl Cluster {
    pub async fn start() -> Self {
        let options = |role| ServerOptions::command(role, &SETTINGS);
        let first = Server::apart(options("origin")).await;
        let mut edge_options = ServerOptions::command("edge", &[]);
        edge_options.arguments.extend(["--upstream".to_owned(), first.url.clone()]);
        let (second, one, other, edge) = tokio::join!(
            first.beside(options("origin")),
            first.beside(options("transcoder")),
            first.beside(options("transcoder")),
            first.beside(edge_options)
        );
        let rows = first.rows().await;
        let memory = TempDir::with_prefix("nexus-memory-").expect("a temporary folder");
        Self { origins: [first, second], transcoders: [one, other], edge, rows, memory, assets: 0 }
    }

    pub fn client(&self, origin: usize) -> Client {
        Client::new(&self.origins[origin].url, Some(self.origins[0].key()))
    }

    /// Somebody who watches through the edge.
    pub fn viewer(&self) -> Client {
        self.edge.stranger()
    }

    pub fn process(&mut self, process: Process) -> &mut Server {
        match process {
            Process::Origin(index) => &mut self.origins[index],
            Process::Transcoder(index) => &mut self.transcoders[index],
        }
    }

    /// Starts `nexus upload`.
    pub fn upload(&mut self, origin: usize, file: &Path) -> Upload {
        Upload::begin(&self.origins[origin].url, &self.origins[0].key(), self.memory.path(), file)
    }

    async fn texts(&mut self, sql: &str) -> Vec<String> {
        self.rows.texts(sql).await.expect("the database answers")
    }

    /// Whether the upload of the file of this title is open, or was.
    pub async fn is_known(&mut self, title: &str) -> bool {
        !self.texts(&format!("select id from asset where title = '{title}'")).await.is_empty()
    }

    /// Whether the file of this title is on its way: its upload is known and not complete.
    pub async fn is_arriving(&mut self, title: &str) -> bool {
        let open = format!(
            "select u.id from upload u join asset a on a.id = u.asset
                where a.title = '{title}' and u.finished_us is null"
        );
        !self.texts(&open).await.is_empty()
    }

    /// Films that are uploaded or made at this moment.
    pub async fn in_work(&mut self) -> usize {
        self.texts("select id from asset where state not in ('ready', 'failed')").await.len()
    }

    /// A job of this kind that one of the transcoders is at.
    pub async fn at_work(&mut self, kind: &str) -> Option<AtWork> {
        let running = format!(
            "select concat_ws(' ', id, attempt, worker) from job where state = 'running' and kind = '{kind}'"
        );
        let workers = self.transcoders.each_ref().map(worker);
        let found = self.texts(&running).await;
        found.iter().find_map(|row| {
            let [id, attempt, worker] = row.split(' ').collect::<Vec<_>>()[..] else { return None };
            let index = workers.iter().position(|known| known == worker)?;
            let by = Process::Transcoder(index);
            Some(AtWork { by, id: id.into(), attempt: attempt.into(), worker: worker.into() })
        })
    }

    /// Whether the job is still this worker's, in this attempt.
    pub async fn is_held(&mut self, job: &AtWork) -> bool {
        let AtWork { id, attempt, worker, .. } = job;
        let held = format!(
            "select id from job where id = '{id}' and attempt = {attempt} and worker = '{worker}'
                and state = 'running'"
        );
        !self.texts(&held).await.is_empty()
    }

    /// Waits until nothing is left to do, then until the bucket holds what rows name and nothing else; `more`
    /// assets must have been made since the last time.
    pub async fn ends_quietly(&mut self, more: usize) {
        self.assets += more;
        let assets = self.texts("select id from asset where state = 'ready'").await.len();
        assert_eq!(assets, self.assets, "every film that was uploaded, once");
        let deadline = Instant::now() + QUIET_AFTER;
        loop {
            let busy = self.texts("select kind from job where kind <> 'patrol' and state <> 'dead'").await;
            let named: BTreeSet<String> = self.texts(NAMED).await.into_iter().collect();
            let found = self.objects().await;
            if busy.is_empty() && found == named {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "jobs: {busy:?}\nlost: {:?}\norphans: {:?}",
                named.difference(&found).collect::<Vec<_>>(),
                found.difference(&named).collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let dead = self.texts("select concat(kind, ': ', reason) from job where state = 'dead'").await;
        assert!(dead.is_empty(), "{dead:?}");
    }

    /// Every object in the bucket, by a listing of its server's own: objects by their keys, all else by its whole
    /// name, but for what each process writes to see that it may.
    async fn objects(&self) -> BTreeSet<String> {
        let (endpoint, bucket, prefix) = self.origins[0].bucket();
        let anybody = Client::new(&endpoint, None);
        let (mut found, mut after) = (BTreeSet::new(), String::new());
        loop {
            let page = format!("/{bucket}?list-type=2&prefix={prefix}&start-after={after}");
            let listed = anybody.get(&page).await;
            assert_eq!(listed.status, 200, "{}", listed.text());
            let text = listed.text();
            let names: Vec<&str> =
                text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0)).collect();
            let Some(last) = names.last() else {
                // The checksums of a source are there as long as it is.
                let sums = format!("{prefix}sums/");
                let of = |name: &String| name.strip_prefix(&sums).map(str::to_owned);
                return found
                    .iter()
                    .filter(|name| of(name).is_none_or(|of| !found.contains(&of)))
                    .cloned()
                    .collect();
            };
            after = (*last).to_owned();
            let objects = format!("{prefix}objects/");
            let names = names.iter().filter(|name| **name != format!("{prefix}probe"));
            found.extend(names.map(|name| name.strip_prefix(&objects).unwrap_or(name).to_owned()));
        }
    }
}

/// Whom a transcoder's leases belong to.
fn worker(transcoder: &Server) -> String {
    let noted = std::fs::read_to_string(transcoder.data().join("instance"));
    noted.unwrap_or_default().trim().to_owned()
}
