//! The hidden `pipeline` command: one graph in one child, behind a closed door.
//!
//! Runs before and without everything else of this program. Up to the door there is one thread, because the
//! door must be closed by the only one; nothing of the source is read before it.

use std::process::ExitCode;

use pipeline_wire::{FailureKind, FromChild, GraphSpec, SourceFailure, Verdict};
use pipelines::{Link, link};

/// Runs the command with the arguments behind its name.
pub fn run(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let outcome = match arguments.next().as_deref() {
        None => serve(),
        Some("--warm-registry") => pipelines::warm_registry().map_err(anyhow::Error::from),
        Some(other) => Err(anyhow::anyhow!("unknown argument {other}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> anyhow::Result<()> {
    let socket = sandbox::child::prepare()?;
    let spec = link::receive_spec(&socket)?;
    pipelines::preload(&spec)?;
    pipelines::crash::watch();
    let door = sandbox::door::close()?;
    let link = Link::open(socket, sandbox::child::end)?;
    link.send(&FromChild::Ready(door))?;
    let verdict = match &spec {
        GraphSpec::DoorCheck => check_door(),
        media => pipelines::run(media, &link),
    };
    link.send(&FromChild::Verdict(verdict))?;
    // The parent ends this process: no teardown of a graph can hang or crash after its work is done.
    loop {
        std::thread::park();
    }
}

fn check_door() -> Verdict {
    let open: Vec<&str> = sandbox::door::attempts()
        .into_iter()
        .filter(|attempt| attempt.outcome.is_ok())
        .map(|attempt| attempt.what)
        .collect();
    if open.is_empty() {
        return Verdict::Done;
    }
    Verdict::Failed(SourceFailure {
        kind: FailureKind::Internal,
        element: String::new(),
        reason: format!("The pipeline's door is open: a child can {}.", open.join(", ")),
        detail: open.join(", "),
    })
}
