//! `nexus-edge`: the edge alone, for machines that need neither a database nor GStreamer.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use settings::{Override, Settings, SettingsError};

/// A cache in front of a Nexus origin.
#[derive(Parser, Debug)]
#[command(
    name = "nexus-edge",
    version,
    after_help = "Example:\n  nexus-edge --upstream http://origin:8080 --listen 0.0.0.0:8080\n\nSettings also come from NEXUS_SECTION_FIELD variables, such as NEXUS_EDGE_CREDENTIAL."
)]
struct Cli {
    /// The origin to pull from, such as http://origin:8080.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Settings file (TOML); also NEXUS_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any other setting, such as edge.cache_memory_mb=1024; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Cli {
    fn settings(self) -> Result<Settings, SettingsError> {
        let flags =
            [("edge.upstream", "--upstream", self.upstream), ("server.listen", "--listen", self.listen)];
        let given = flags.into_iter().filter_map(|(key, place, value)| {
            value.map(|value| Override { key: key.into(), value, place: place.into() })
        });
        let mut all: Vec<Override> = given.collect();
        for pair in &self.set {
            all.push(Override::pair(pair)?);
        }
        settings::load(self.config.as_deref(), &all)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Cli::parse().settings() {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    edge::run(settings).await.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_settings() {
        let words = ["nexus-edge", "--upstream", "http://o", "--set", "edge.cache_memory_mb=7"];
        let words = words.into_iter().chain(["--set", "edge.cache_object_max_mb=7", "--listen", "[::1]:9"]);
        let settings = Cli::parse_from(words).settings().expect("valid");
        assert_eq!((settings.edge.upstream.as_str(), settings.edge.cache_memory_mb), ("http://o", 7));
        assert_eq!(settings.server.listen.port(), 9);
        let wrong = Cli::parse_from(["nexus-edge", "--set", "edge"]).settings();
        assert!(wrong.expect_err("refused").to_string().contains("KEY=VALUE"));
    }
}
