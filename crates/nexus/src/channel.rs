//! `nexus channel`: channels to broadcast on, over the API.

mod shown;

use std::{process::ExitCode, str::FromStr};

use anyhow::{Context, Result};
use axum::body::Body;
use base::ChannelId;
use clap::{Args, Subcommand};
use http::{Method, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    patience::at_last,
    remote::{Remote, ServerArgs, read, refusal},
};
use shown::{Channel, print, print_addresses, print_field, print_key};

/// Items asked for at a time.
const PAGE: u32 = 100;

/// What the command line says.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nexus channel create studio --server https://video.example --key \"$NEXUS_KEY\"\n  nexus channel create stage --rungs 720,360 --dvr all --visibility public --json\n  nexus channel list\n  nexus channel rotate-key 01jd0c7y5mq3xk2v8n4t6r9bwz\n`--key` is an API key; a channel's stream key is what `create` and `rotate-key` print, once."
)]
pub struct ChannelArgs {
    /// What to do.
    #[command(subcommand)]
    command: ChannelCommand,
}

/// What to do with channels.
#[derive(Subcommand, Debug)]
pub enum ChannelCommand {
    /// Make a channel and print its stream key, which is shown this once.
    #[command(
        after_help = "Examples:\n  nexus channel create studio --key \"$NEXUS_KEY\" --json   one line: channel, key, rtmp, srt, whip, hls, dash, whep\n  nexus channel create stage --rungs none --no-recording --dvr 0"
    )]
    Create(New),
    /// List channels, newest first.
    List {
        /// Where.
        #[command(flatten)]
        at: ServerArgs,
        /// Print one JSON line a channel, as the API has it.
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of channels.
    Show(Chosen),
    /// Give channels other stream keys and passphrases; the ones before open nothing from then on, and what was begun
    /// with them ends.
    RotateKey(Chosen),
    /// End what channels send; their publishers may come again.
    Kick(Chosen),
    /// Delete channels; what was recorded stays.
    Delete(Chosen),
}

/// A channel to be made.
#[derive(Args, Debug)]
pub struct New {
    /// What to call it.
    name: String,
    /// Where.
    #[command(flatten)]
    at: ServerArgs,
    /// Who may watch: public, unlisted or private.
    #[arg(long, default_value = "unlisted", value_parser = ["public", "unlisted", "private"])]
    visibility: String,
    /// Heights of the rungs besides the source, such as `720,360`; `none` for the source alone; as the server's
    /// settings say when not given.
    #[arg(long, value_name = "HEIGHTS")]
    rungs: Option<Rungs>,
    /// How far viewers may go back, in seconds, or `all`; two hours when not given.
    #[arg(long, value_name = "SECONDS")]
    dvr: Option<Window>,
    /// Do not keep broadcasts as films.
    #[arg(long)]
    no_recording: bool,
    /// An address that is asked whether a publisher may come in.
    #[arg(long, value_name = "URL")]
    admission_url: Option<String>,
    /// Print one JSON line: channel, key, rtmp, srt, whip, hls, dash, whep, passphrase.
    #[arg(long)]
    json: bool,
}

/// Which channels.
#[derive(Args, Debug)]
pub struct Chosen {
    /// Their identifiers.
    #[arg(required = true, value_name = "CHANNEL")]
    ids: Vec<ChannelId>,
    /// Where.
    #[command(flatten)]
    at: ServerArgs,
    /// Print one JSON line a channel.
    #[arg(long)]
    json: bool,
}

/// Heights of rungs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rungs(Vec<u32>);

impl FromStr for Rungs {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let heights = text.split(',').map(|height| height.trim().parse()).collect::<Result<Vec<u32>, _>>();
        heights.map(Self).map_err(|_| "heights such as 720,360 or `none` are expected".to_owned())
    }
}

/// How far viewers may go back; `None` is to the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window(Option<u32>);

impl FromStr for Window {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(None));
        }
        let seconds = text.parse().map(|seconds| Self(Some(seconds)));
        seconds.map_err(|_| "a whole number of seconds or `all` is expected".to_owned())
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// Does what is asked; fails when any channel fails.
///
/// # Errors
/// When the command line cannot be followed at all, a channel cannot be made, or a list breaks off.
pub async fn run(args: ChannelArgs) -> Result<ExitCode> {
    match args.command {
        ChannelCommand::Create(new) => create(&new).await,
        ChannelCommand::List { at, json } => list(&Remote::new(&at)?, json).await,
        ChannelCommand::Show(chosen) => {
            each(&chosen, async |remote, id| show(remote, id, chosen.json).await).await
        }
        ChannelCommand::RotateKey(chosen) => {
            each(&chosen, async |remote, id| print_key(&rotated(remote, id.as_str()).await?, chosen.json))
                .await
        }
        ChannelCommand::Kick(chosen) => {
            each(&chosen, async |remote, id| {
                let shown: Value = remote.ask(Method::POST, &format!("{}/kick", path(id.as_str()))).await?;
                print(&shown, chosen.json)
            })
            .await
        }
        ChannelCommand::Delete(chosen) => {
            each(&chosen, async |remote, id| delete(remote, id, chosen.json).await).await
        }
    }
}

fn path(id: &str) -> String {
    format!("/api/v1/channels/{id}")
}

/// What the API is asked to make.
fn wish(new: &New) -> Value {
    let mut wish = Map::new();
    wish.insert("name".to_owned(), json!(new.name));
    wish.insert("visibility".to_owned(), json!(new.visibility));
    wish.insert("recording".to_owned(), json!(!new.no_recording));
    if let Some(Rungs(heights)) = &new.rungs {
        wish.insert("rungs".to_owned(), json!(heights));
    }
    if let Some(Window(seconds)) = new.dvr {
        wish.insert("dvr_seconds".to_owned(), json!(seconds));
    }
    if let Some(url) = &new.admission_url {
        wish.insert("admission_url".to_owned(), json!(url));
    }
    Value::Object(wish)
}

/// Asks again while there is no answer; the server makes one channel all the same. A key that was lost with an answer
/// is kept nowhere, so the channel gets another.
async fn create(new: &New) -> Result<ExitCode> {
    let remote = Remote::new(&new.at)?;
    let once = format!("{:032x}", u128::from_be_bytes(lifecycle::system().bytes()));
    let made = at_last(|| ask(&remote, new, &once)).await?;
    let shown = if made.key.is_some() { made } else { rotated(&remote, &made.channel).await? };
    print_key(&shown, new.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(remote: &Remote, new: &New, once: &str) -> Result<Channel> {
    let request = remote.request(Method::POST, "/api/v1/channels")?;
    let request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", once);
    let (status, _, body) = remote.answer(request.body(Body::from(wish(new).to_string()))?).await?;
    read(status, &body)
}

async fn rotated(remote: &Remote, id: &str) -> Result<Channel> {
    remote.ask(Method::POST, &format!("{}/key", path(id))).await
}

async fn list(remote: &Remote, json: bool) -> Result<ExitCode> {
    let mut after: Option<String> = None;
    loop {
        let mut search = url::form_urlencoded::Serializer::new(String::new());
        search.append_pair("limit", &PAGE.to_string());
        search.extend_pairs(after.as_deref().map(|after| ("after", after)));
        let page: Page = remote.ask(Method::GET, &format!("/api/v1/channels?{}", search.finish())).await?;
        page.items.iter().try_for_each(|item| print(item, json))?;
        after = page.next;
        if after.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

async fn show(remote: &Remote, id: &ChannelId, json: bool) -> Result<()> {
    let mut shown: Value = remote.ask(Method::GET, &path(id.as_str())).await?;
    let state: Value = remote.ask(Method::GET, &format!("{}/state", path(id.as_str()))).await?;
    if json {
        let object = shown.as_object_mut().context("the server's answer")?;
        object.insert("broadcast".to_owned(), state["broadcast"].clone());
        println!("{shown}");
        return Ok(());
    }
    let channel = Channel::deserialize(&shown)?;
    println!("{}  {}", channel.channel, channel.name);
    print_field("state", Some(&channel.state));
    print_field("visibility", Some(&channel.visibility));
    let broadcast = &state["broadcast"];
    print_field("encoder", broadcast["encoder"].as_str().filter(|name| !name.is_empty()));
    let (reason, detail) = (broadcast["reason"].as_str(), broadcast["detail"].as_str());
    let why = reason.map(|reason| detail.map_or(reason.to_owned(), |detail| format!("{reason}: {detail}")));
    print_field("ended", why.as_deref());
    print_addresses(&channel.addresses);
    Ok(())
}

async fn delete(remote: &Remote, id: &ChannelId, json: bool) -> Result<()> {
    let request = remote.request(Method::DELETE, &path(id.as_str()))?.body(Body::empty())?;
    let (status, _, body) = remote.answer(request).await?;
    anyhow::ensure!(status.is_success(), "{}", refusal(status, &body));
    if json {
        println!("{}", json!({ "channel": id, "state": "deleted" }));
    } else {
        println!("{id}: deleted");
    }
    Ok(())
}

/// Does something with every channel.
async fn each(chosen: &Chosen, step: impl AsyncFn(&Remote, &ChannelId) -> Result<()>) -> Result<ExitCode> {
    let remote = Remote::new(&chosen.at)?;
    let mut failed = false;
    for id in &chosen.ids {
        if let Err(error) = step(&remote, id).await {
            eprintln!("{id}: {error:#}");
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ChannelArgs,
    }

    fn new(flags: &[&str]) -> New {
        let given = ["channel", "create", "studio", "--key", "k"].iter().chain(flags);
        match Cli::parse_from(given).args.command {
            ChannelCommand::Create(new) => new,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_said_is_left_to_the_server() {
        let usual = json!({"name": "studio", "visibility": "unlisted", "recording": true});
        assert_eq!(wish(&new(&[])), usual);
        let all = new(&[
            "--rungs",
            "720, 360",
            "--dvr",
            "all",
            "--no-recording",
            "--visibility",
            "public",
            "--admission-url",
            "https://a/",
        ]);
        let said = json!({"name": "studio", "visibility": "public", "recording": false, "rungs": [720, 360],
            "dvr_seconds": null, "admission_url": "https://a/"});
        assert_eq!(wish(&all), said);
        assert_eq!(wish(&new(&["--rungs", "none", "--dvr", "0"]))["rungs"], json!([]));
    }

    #[test]
    fn heights_and_windows_are_numbers_or_a_word() {
        for text in ["", "720;360", "720,", "-1", "all"] {
            assert!(text.parse::<Rungs>().is_err(), "{text:?}");
        }
        for text in ["", "-1", "1h", "none"] {
            assert!(text.parse::<Window>().is_err(), "{text:?}");
        }
        assert_eq!("60".parse(), Ok(Window(Some(60))));
    }
}
