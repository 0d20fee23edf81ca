//! `xtask postgres -- CMD…`: runs a command beside a PostgreSQL server of its own, whose URL it finds in
//! `NEXUS_TEST_POSTGRES`. One server then serves a whole test run.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use testkit::{PostgresServer, URL_VARIABLE};

/// Runs `command` and ends as it does.
///
/// # Errors
/// When there is no command, the server does not start or the command cannot be run.
pub fn run(command: &[String]) -> Result<ExitCode> {
    let command = command.strip_prefix(&["--".to_owned()]).unwrap_or(command);
    let (program, arguments) = command.split_first().context("usage: xtask postgres -- COMMAND…")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = runtime.block_on(PostgresServer::start())?;
    let ended = Command::new(program).args(arguments).env(URL_VARIABLE, server.url()).status();
    let status = ended.with_context(|| format!("running {program}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
