//! `xtask engines -- CMD…`: runs a command beside a PostgreSQL server and an S3 server of its own, which it finds
//! named in its environment. One of each then serves a whole test run.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use testkit::{ENDPOINT_VARIABLE, PostgresServer, SeaweedServer, URL_VARIABLE};

/// Runs `command` and ends as it does.
///
/// # Errors
/// When there is no command, a server does not start or the command cannot be run.
pub fn run(command: &[String]) -> Result<ExitCode> {
    let command = command.strip_prefix(&["--".to_owned()]).unwrap_or(command);
    let (program, arguments) = command.split_first().context("usage: xtask engines -- COMMAND…")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let postgres = runtime.block_on(PostgresServer::start())?;
    let seaweed = runtime.block_on(SeaweedServer::start())?;
    let mut command = Command::new(program);
    command.args(arguments).env(URL_VARIABLE, postgres.url()).env(ENDPOINT_VARIABLE, seaweed.endpoint());
    let status = command.status().with_context(|| format!("running {program}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
