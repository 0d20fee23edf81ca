//! Channels at the command line.

use serde_json::{Value, json};
use tests::{Server, ServerOptions};

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_kept_at_the_command_line() {
    let server = Server::with(ServerOptions::all(&["live.channels_max=1"])).await;
    let client = server.client();
    let create =
        ["channel", "create", "studio", "--rungs", "720,360", "--dvr", "all", "--visibility", "public"];
    let (made, lines) = client.told(&create).await;
    assert!(made && lines.len() == 1, "{lines:?}");
    let line = &lines[0];
    let (id, key) = (text(line, "channel"), text(line, "key"));
    assert!(key.starts_with(&format!("nl_{id}_")) && key.len() == 62, "{line}");
    assert!(
        ["rtmp", "srt", "whip", "hls", "dash", "whep"].iter().all(|name| line.get(name).is_some()),
        "{line}"
    );

    let (shown, lines) = client.told(&["channel", "show", id]).await;
    assert!(shown && lines[0].get("key").is_none_or(Value::is_null), "shown once: {lines:?}");
    assert_eq!((&lines[0]["rungs"], &lines[0]["dvr_seconds"]), (&json!([720, 360]), &Value::Null));
    assert_eq!((text(&lines[0], "state"), &lines[0]["broadcast"]), ("idle", &Value::Null));
    let (_, lines) = client.told(&["channel", "list"]).await;
    assert_eq!(lines.iter().map(|line| text(line, "channel")).collect::<Vec<_>>(), [id]);
    let (rotated, lines) = client.told(&["channel", "rotate-key", id]).await;
    assert!(rotated && text(&lines[0], "key").starts_with("nl_") && text(&lines[0], "key") != key);

    let (more, _) = client.told(&["channel", "create", "another"]).await;
    assert!(!more, "one is allowed");
    let limits = server.run(&["limit", "--channels-max", "2", "--streams-max", "0", "--json"], "");
    assert_eq!((&limits["channels_max"], &limits["channels_used"]), (&json!(2), &json!(1)));
    let (more, lines) = client.told(&["channel", "create", "another"]).await;
    assert!(more && text(&lines[0], "channel") != id);
    let (kicked, _) = client.told(&["channel", "kick", id]).await;
    assert!(!kicked, "nobody publishes");
    let (deleted, lines) = client.told(&["channel", "delete", id]).await;
    assert_eq!((deleted, &lines), (true, &vec![json!({"channel": id, "state": "deleted"})]));
    let (shown, _) = client.told(&["channel", "show", id]).await;
    assert!(!shown, "it is gone");
    assert!(!server.log().contains(key), "no key is logged");
}
