//! `nexus doctor`: looks for what would keep the server from working on this machine, and says how to mend it.

use std::{io::ErrorKind, net::TcpListener, process::ExitCode, time::Duration};

use anyhow::Result;
use httpkit::tls::{PairFiles, Tls};
use sandbox::{Options, Sandbox};
use settings::Settings;

use crate::stores;

/// Free room below which uploads will soon be refused, in bytes.
const ROOM_MIN: u64 = 5 << 30;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    verdict: Verdict,
}

enum Verdict {
    Fine(String),
    Weak(String),
    Broken(String),
}

impl Verdict {
    fn of(result: Result<String>) -> Self {
        match result {
            Ok(text) => Self::Fine(text),
            Err(error) => Self::Broken(format!("{error:#}")),
        }
    }
}

/// Looks at everything; fails when something is broken.
///
/// # Errors
/// Never: what is broken is printed.
pub async fn run(settings: &Settings) -> Result<ExitCode> {
    let findings = [
        Finding { what: "listener", verdict: Verdict::of(listener(settings)) },
        Finding { what: "tls", verdict: tls(&settings.tls) },
        Finding { what: "database", verdict: Verdict::of(database(settings).await) },
        Finding { what: "objects", verdict: objects(settings).await },
        Finding { what: "sandbox", verdict: sandbox(settings).await },
    ];
    let mut broken = false;
    for Finding { what, verdict } in &findings {
        let (mark, text) = match verdict {
            Verdict::Fine(text) => ("ok    ", text),
            Verdict::Weak(text) => ("weak  ", text),
            Verdict::Broken(text) => ("BROKEN", text),
        };
        broken |= matches!(verdict, Verdict::Broken(_));
        println!("{mark} {what:9} {text}");
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn listener(settings: &Settings) -> Result<String> {
    let listen = settings.server.listen;
    TcpListener::bind(listen).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => {
                "ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit gives"
            }
            _ => "is a server running?",
        };
        anyhow::anyhow!("{listen} cannot be listened on: {error} ({hint})")
    })?;
    Ok(format!("{listen} is free; URLs begin with {}", settings.public_url()))
}

fn tls(section: &settings::Tls) -> Verdict {
    if section.self_signed {
        return Verdict::Fine("a certificate of the server's own making, for development".into());
    }
    if !section.is_on() {
        return Verdict::Fine("off: viewers come in the clear, or by a proxy that ends TLS".into());
    }
    let files = PairFiles { cert: section.cert.clone(), key: section.key.clone() };
    match Tls::open(files) {
        Err(error) => Verdict::Broken(error.to_string()),
        Ok(tls) => match tls.files().exposure() {
            Some(exposure) => Verdict::Weak(exposure),
            None => Verdict::Fine("the key fits the certificate".into()),
        },
    }
}

async fn database(settings: &Settings) -> Result<String> {
    stores::data_folder(settings)?;
    let db = stores::open(settings).await?;
    let pending = db.pending().await?.len();
    let engine = db.engine();
    Ok(match pending {
        0 => format!("{engine:?}, schema up to date"),
        _ => format!(
            "{engine:?}, {pending} migrations pending (applied at start on SQLite, by `nexus migrate` on PostgreSQL)"
        ),
    })
}

async fn objects(settings: &Settings) -> Verdict {
    let looked = async {
        let store = stores::objects(settings, lifecycle::system()).await?;
        Ok(store.free_bytes().await?)
    };
    match looked.await {
        Ok(Some(free)) if free < ROOM_MIN => {
            Verdict::Weak(format!("{} MiB free; films need room", free >> 20))
        }
        Ok(Some(free)) => {
            Verdict::Fine(format!("{} GiB free in {}", free >> 30, settings.store_folder().display()))
        }
        Ok(None) => Verdict::Fine("no limit known".into()),
        Err(error) => Verdict::of(Err(error)),
    }
}

/// Starts a real child and lets it try its own door.
async fn sandbox(settings: &Settings) -> Verdict {
    let looked = async {
        let registry = std::path::absolute(settings.data.join("gst-registry.bin"))?;
        let sandbox = Sandbox::new(Options::new(&settings.transcode, registry))?;
        sandbox.warm_registry().await?;
        Ok(tokio::time::timeout(Duration::from_secs(30), sandbox.inspect_door()).await??)
    };
    match looked.await {
        Ok(door) if door.missing.is_empty() => Verdict::Fine(format!(
            "door closed: Landlock ABI {}, seccomp, own network namespace",
            door.landlock_abi
        )),
        Ok(door) => Verdict::Weak(format!("door closed, but: {}", door.missing.join("; "))),
        Err(error) => Verdict::of(Err(error)),
    }
}
