//! Nexus: a media streaming server in one binary. Every role and command starts here.

mod asset;
mod backup;
mod channel;
mod check;
mod cli;
mod client;
mod demo;
mod doctor;
mod encoder;
mod encoders;
mod film;
mod import;
mod key;
mod limit;
mod patience;
mod pipeline;
mod probe;
mod remote;
mod run;
mod stores;
mod tenant;
mod upload;
mod user;
mod watch;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use cli::{Cli, Command, Sources};
use telemetry::Role;

fn main() -> ExitCode {
    // The child of the sandbox closes its door while it is one thread: before any runtime starts.
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("pipeline") {
        return pipeline::run(arguments);
    }
    match start(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let code = runtime.block_on(command(cli));
    // What still blocks a thread after shutdown must not keep the process.
    runtime.shutdown_background();
    code
}

async fn command(cli: Cli) -> Result<ExitCode> {
    let sources = cli.sources;
    match cli.command.unwrap_or(Command::All { demo: false }) {
        Command::All { demo } => {
            let mut settings = sources.settings(&[])?;
            if demo {
                demo::quieten(&mut settings.telemetry);
            }
            run::run(Role::All, demo, settings).await
        }
        Command::Origin => run::run(Role::Origin, false, sources.settings(&[])?).await,
        Command::Transcoder => run::run(Role::Transcoder, false, sources.desk().settings(&[])?).await,
        Command::Edge { upstream } => {
            let upstream = ("edge.upstream", "--upstream", upstream.as_deref());
            run::run(Role::Edge, false, sources.settings(&[upstream])?).await
        }
        Command::Upload(args) => upload::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Asset(args) => asset::run(args).await,
        Command::Channel(args) => channel::run(args).await,
        Command::Key { tenant, action } => key::run(action, tenant.as_deref(), &sources.settings(&[])?).await,
        Command::User { tenant, action } => {
            user::run(action, tenant.as_deref(), &sources.settings(&[])?).await
        }
        Command::Limit(args) => limit::run(args, &sources.settings(&[])?).await,
        Command::Tenant { action } => tenant::run(action, &sources.settings(&[])?).await,
        Command::Encoder(args) => encoder::run(&args, &sources.settings(&[])?).await,
        Command::Film(args) => film::run(&args, &sources.settings(&[])?).await,
        Command::Check(args) => check::run(args).await,
        Command::ProbeLatency(args) => probe::run(args).await,
        Command::Doctor => doctor::run(&sources.settings(&[])?).await,
        Command::Backup(args) => backup::save(args, sources.settings(&[])?).await,
        Command::Restore(args) => backup::restore(args, sources.settings(&[])?).await,
        Command::Migrate => migrate(&sources).await,
        Command::Config => config(&sources),
    }
}

async fn migrate(sources: &Sources) -> Result<ExitCode> {
    let settings = sources.settings(&[])?;
    stores::data_folder(&settings)?;
    let db = stores::open(&settings).await?;
    let pending = db.pending().await?;
    for migration in &pending {
        println!("applying {}", migration.name);
    }
    db.migrate().await?;
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

fn config(sources: &Sources) -> Result<ExitCode> {
    print!("{}", settings::to_toml(&sources.settings(&[])?)?);
    Ok(ExitCode::SUCCESS)
}
