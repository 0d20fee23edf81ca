//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use settings::{Override, Settings};

use crate::{asset, backup, channel, check, encoder, film, import, key, limit, probe, tenant, upload, user};

/// Media streaming server: films in, HLS and DASH ladders out, served by a caching edge.
#[derive(Parser, Debug)]
#[command(
    name = "nexus",
    version,
    propagate_version = true,
    after_help = "Examples:\n  nexus                                   everything in one process, data in ./data\n  nexus upload film.mp4 --key KEY --wait  a film goes in, a playable URL comes out\n  nexus user create ada --role creator    somebody who uploads\n  nexus key create --role creator         a key for a program that does\n  nexus check http://127.0.0.1:8080/media/ASSET/hls.m3u8\n  nexus edge --upstream http://origin:8080 --listen 0.0.0.0:8080\n  nexus --tls-self-signed --listen 0.0.0.0:8443   https for a phone on the same network"
)]
pub struct Cli {
    /// Where settings come from.
    #[command(flatten)]
    pub sources: Sources,
    /// What to do; `all` when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Everything in one process: origin, transcoder and edge behind one listener (the default).
    All {
        /// Make a demonstration film when the catalogue is empty, put a demonstration channel on air where there is no
        /// other, and say where to look.
        #[arg(long)]
        demo: bool,
    },
    /// API, uploads, the page and playlists.
    Origin,
    /// Workers that turn films into ladders.
    Transcoder,
    /// A cache in front of an origin.
    Edge {
        /// The origin to pull from, such as http://origin:8080.
        #[arg(long)]
        upstream: Option<String>,
    },
    /// Upload films and music, resumably.
    Upload(upload::UploadArgs),
    /// Have the server fetch films and music from addresses.
    Import(import::ImportArgs),
    /// List, show, cancel, retry, encode again and delete assets.
    Asset(asset::AssetArgs),
    /// Make, list, show and delete channels to broadcast on, and give them other keys.
    Channel(channel::ChannelArgs),
    /// Make, list and revoke API keys, with the server running or not.
    Key {
        /// The tenant it is done in, by its identifier; the first when not given.
        #[arg(long, global = true, value_name = "ID")]
        tenant: Option<String>,
        /// What to do.
        #[command(subcommand)]
        action: key::KeyCommand,
    },
    /// Add, list, disable people and set their passwords, with the server running or not.
    User {
        /// The tenant it is done in, by its identifier; the first when not given.
        #[arg(long, global = true, value_name = "ID")]
        tenant: Option<String>,
        /// What to do.
        #[command(subcommand)]
        action: user::UserCommand,
    },
    /// Make and list tenants: groups of people, keys and films that see nothing of each other.
    Tenant {
        /// What to do.
        #[command(subcommand)]
        action: tenant::TenantCommand,
    },
    /// Show or change how much a tenant may upload and send, with the server running or not.
    Limit(limit::LimitArgs),
    /// Make a synthetic film: every frame carries its number, every second a flash and a beep.
    Film(film::FilmArgs),
    /// Publish a synthetic live stream over RTMP: the same with the time of day in its barcode, until interrupted.
    Encoder(encoder::EncoderArgs),
    /// Check a stream for conformance: HLS, DASH and CMAF.
    Check(check::CheckArgs),
    /// Measure how late the parts of a low-latency HLS stream arrive here.
    ProbeLatency(probe::ProbeArgs),
    /// Look for what would keep the server from working on this machine.
    Doctor,
    /// Bring the database's schema up to date.
    Migrate,
    /// Save database, objects and keys of a server with embedded stores, running or not.
    Backup(backup::BackupArgs),
    /// Lay out a backup again, where nothing is yet.
    Restore(backup::RestoreArgs),
    /// Print the settings in force, as TOML, with secrets redacted.
    Config,
}

/// Where settings come from: a file, `NEXUS_SECTION_FIELD` variables, then these flags.
#[derive(Args, Debug, Default)]
pub struct Sources {
    /// Settings file (TOML); also NEXUS_CONFIG.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of embedded stores, keys and caches.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// Database: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Object store: a folder or s3://BUCKET?endpoint=URL
    #[arg(long, global = true, value_name = "PLACE")]
    store: Option<String>,
    /// Address and port to listen on; of a transcoder, for health checks and metrics.
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Serve by TLS with a certificate of the server's own making, kept in the data folder: for development.
    #[arg(long, global = true)]
    tls_self_signed: bool,
    /// Base of the URLs of page and API.
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Base of media URLs when an edge or CDN stands in front.
    #[arg(long, global = true, value_name = "URL")]
    edge_url: Option<String>,
    /// Log filter, such as info or info,edge=debug.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Any other setting, such as transcode.crf=21; may be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Whether `--listen` is for health checks alone.
    #[arg(skip)]
    desk: bool,
}

impl Sources {
    /// The setting that `--store` gives.
    fn store_key(&self) -> &'static str {
        let bucket = self.store.as_deref().is_some_and(|place| place.contains("://"));
        if bucket { "store.url" } else { "store.folder" }
    }

    /// The same for a role without viewers, whose `--listen` is for health checks and metrics.
    #[must_use]
    pub fn desk(self) -> Self {
        Self { desk: true, ..self }
    }

    /// Reads and validates the settings; `more` are flags of a single command.
    ///
    /// # Errors
    /// When a setting is unknown, unreadable or out of range; the message names it.
    pub fn settings(&self, more: &[(&str, &str, Option<&str>)]) -> Result<Settings> {
        let listen = if self.desk { "transcode.listen" } else { "server.listen" };
        let own = [
            ("data", "--data", self.data.as_deref()),
            ("database.url", "--database", self.database.as_deref()),
            (self.store_key(), "--store", self.store.as_deref()),
            (listen, "--listen", self.listen.as_deref()),
            ("tls.self_signed", "--tls-self-signed", self.tls_self_signed.then_some("true")),
            ("server.public_url", "--public-url", self.public_url.as_deref()),
            ("server.edge_url", "--edge-url", self.edge_url.as_deref()),
            ("telemetry.log", "--log", self.log.as_deref()),
        ];
        let given = own.iter().chain(more).filter_map(|(key, place, value)| {
            value.map(|value| Override { key: (*key).into(), value: value.into(), place: (*place).into() })
        });
        let mut flags: Vec<Override> = given.collect();
        for pair in &self.set {
            flags.push(Override::pair(pair)?);
        }
        Ok(settings::load(self.config.as_deref(), &flags)?)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let cli = Cli::parse_from([
            "nexus",
            "edge",
            "--upstream",
            "http://o",
            "--data",
            "/x",
            "--set",
            "transcode.crf=21",
        ]);
        let Some(Command::Edge { upstream }) = &cli.command else { panic!("the edge command") };
        let settings =
            cli.sources.settings(&[("edge.upstream", "--upstream", upstream.as_deref())]).expect("valid");
        assert_eq!(settings.edge.upstream, "http://o");
        assert_eq!(settings.data, std::path::Path::new("/x"));
        assert_eq!(settings.transcode.crf, 21);
    }

    #[test]
    fn a_transcoder_listens_for_health_checks_alone() {
        let cli = Cli::parse_from(["nexus", "transcoder", "--listen", "0.0.0.0:9101", "--tls-self-signed"]);
        let settings = cli.sources.desk().settings(&[]).expect("valid");
        assert_eq!(settings.transcode.listen.to_string(), "0.0.0.0:9101");
        assert_eq!(settings.server.listen.port(), 8080);
        assert!(settings.tls.self_signed);
    }

    #[test]
    fn a_wrong_pair_is_named() {
        let cli = Cli::parse_from(["nexus", "--set", "transcode.crf"]);
        assert!(cli.sources.settings(&[]).expect_err("refused").to_string().contains("transcode.crf"));
    }
}
