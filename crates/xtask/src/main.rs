//! House rules as commands: `cargo run -p xtask -- arrows | tidy | parity | floors | engines -- COMMAND…`.

mod arrows;
mod engines;
mod floors;
mod parity;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) =
        arguments.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    match command {
        "arrows" => arrows::run()?,
        "tidy" => tidy::run()?,
        "parity" => parity::run()?,
        "floors" => match rest {
            [folder] => floors::run(folder.as_ref())?,
            _ => bail!("floors takes the folder of the layers' logs"),
        },
        "engines" => return engines::run(rest),
        other => bail!("no command {other:?}: one of arrows, tidy, parity, floors DIR, engines -- COMMAND…"),
    }
    Ok(ExitCode::SUCCESS)
}
