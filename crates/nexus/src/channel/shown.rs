//! Channels as the API tells of them, in lines and in words.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The part of a channel's JSON that commands look at.
#[derive(Deserialize)]
pub struct Channel {
    /// Its identifier.
    pub channel: String,
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub state: String,
    /// Who may watch it.
    pub visibility: String,
    /// Its stream key, where that is new.
    pub key: Option<String>,
    /// Where its streams go in and come out.
    #[serde(flatten)]
    pub addresses: Addresses,
    /// Its SRT passphrase, where that is new.
    pub passphrase: Option<String>,
}

/// Where its streams go in and come out; null is what there is not.
#[derive(Deserialize, Serialize)]
pub struct Addresses {
    /// The RTMP server, beside the key.
    pub rtmp: Option<String>,
    /// SRT.
    pub srt: Option<String>,
    /// WHIP.
    pub whip: Option<String>,
    /// HLS.
    pub hls: Option<String>,
    /// DASH.
    pub dash: Option<String>,
    /// WHEP.
    pub whep: Option<String>,
}

/// One line of `--json` about a channel with a new key.
#[derive(Serialize)]
struct Line<'a> {
    channel: &'a str,
    key: Option<&'a str>,
    #[serde(flatten)]
    addresses: &'a Addresses,
    passphrase: Option<&'a str>,
}

/// A channel with its new key.
///
/// # Errors
/// Never in practice: when it has no JSON form.
pub fn print_key(shown: &Channel, json: bool) -> Result<()> {
    let Channel { channel, name, key, addresses, passphrase, .. } = shown;
    let (key, passphrase) = (key.as_deref(), passphrase.as_deref());
    if json {
        println!("{}", serde_json::to_string(&Line { channel, key, addresses, passphrase })?);
        return Ok(());
    }
    println!("{channel}  {name}");
    print_field("key", key);
    print_field("passphrase", passphrase);
    print_addresses(addresses);
    eprintln!("The key and the passphrase are shown this once; another: nexus channel rotate-key {channel}");
    Ok(())
}

/// A named value, if there is one.
pub fn print_field(name: &str, value: Option<&str>) {
    if let Some(value) = value {
        println!("  {:11} {value}", format!("{name}:"));
    }
}

/// Those addresses that there are.
pub fn print_addresses(addresses: &Addresses) {
    let Addresses { rtmp, srt, whip, hls, dash, whep } = addresses;
    let named = [("rtmp", rtmp), ("srt", srt), ("whip", whip), ("hls", hls), ("dash", dash), ("whep", whep)];
    named.into_iter().for_each(|(name, address)| print_field(name, address.as_deref()));
}

/// A channel on one line.
///
/// # Errors
/// When it is no channel.
pub fn print(item: &Value, json: bool) -> Result<()> {
    if json {
        println!("{item}");
        return Ok(());
    }
    let Channel { channel, name, state, visibility, .. } = Channel::deserialize(item)?;
    println!("{channel}  {state:12}{visibility:9} {name}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_about_a_channel_has_every_field_that_is_promised() {
        let shown = json!({"channel": "c", "name": "studio", "state": "idle", "visibility": "public", "key": "nl_x",
            "rtmp": null, "srt": null, "whip": null, "hls": null, "dash": null, "whep": null, "passphrase": "p"});
        let channel = Channel::deserialize(&shown).expect("a channel");
        let Channel { channel, key, addresses, passphrase, .. } = &channel;
        let line = Line { channel, key: key.as_deref(), addresses, passphrase: passphrase.as_deref() };
        let line = serde_json::to_value(&line).expect("JSON");
        let fields: Vec<_> = line.as_object().expect("an object").keys().map(String::as_str).collect();
        for field in ["channel", "key", "rtmp", "srt", "whip", "hls", "dash", "whep"] {
            assert!(fields.contains(&field), "{field} of {line}");
        }
    }
}
