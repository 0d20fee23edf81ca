//! People and the first owner over the real binary: the link, the command line, two origins on one database.

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Server, ServerOptions, eventually};

const PASSWORD: &str = "correct horse battery";

/// The secrets of the set-up links that a server printed.
fn links(server: &Server) -> Vec<String> {
    let log = server.log();
    log.lines().filter_map(|line| Some(line.split_once("/setup/")?.1.trim().to_owned())).collect()
}

async fn link(server: &Server) -> String {
    eventually("the set-up link", async || links(server).pop()).await
}

async fn set_up(client: &Client, secret: &str) -> Answer {
    let body = json!({"secret": secret, "tenant": "Studio", "name": "ada", "password": PASSWORD}).to_string();
    client.send(Method::POST, "/api/v1/setup", &[("content-type", "application/json")], body).await
}

async fn check(client: &Client, secret: &str) -> u16 {
    client.get(&format!("/api/v1/setup?secret={secret}")).await.status.as_u16()
}

/// A browser's sign-in; the cookie it keeps.
async fn sign_in(client: &Client, name: &str, password: &str) -> Result<String, u16> {
    let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let body = json!({"name": name, "password": password}).to_string();
    let answer = client.send(Method::POST, "/api/v1/session", &headers, body).await;
    if !answer.status.is_success() {
        return Err(answer.status.as_u16());
    }
    Ok(answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned())
}

async fn me(client: &Client, cookie: &str) -> (u16, Value) {
    let answer = client.send(Method::GET, "/api/v1/me", &[("cookie", cookie)], "").await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_origins_prints_the_link_and_each_takes_it() {
    let mut first = Server::start().await;
    let old = link(&first).await;
    let second = first.beside(ServerOptions::command("origin", &[])).await;
    assert_eq!(check(&second.stranger(), &old).await, 204, "the database holds the link");

    first.stop().await;
    first.restart().await;
    let fresh = link(&first).await;
    assert_ne!(fresh, old);
    let stranger = second.stranger();
    assert_eq!([check(&stranger, &old).await, check(&stranger, &fresh).await], [410, 204]);
    assert_eq!(links(&second), Vec::<String>::new());

    let made = set_up(&stranger, &fresh).await;
    assert_eq!(made.status, 204, "{made:?}");
    let cookie = made.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let (status, ada) = me(&first.stranger(), &cookie).await;
    assert_eq!((status, &ada["role"], &ada["tenant"]["name"]), (200, &json!("owner"), &json!("Studio")));
    assert_eq!(set_up(&first.stranger(), &fresh).await.problem(), "gone");

    first.stop().await;
    first.restart().await;
    sign_in(&first.stranger(), "ada", PASSWORD).await.expect("signed in");
    assert_eq!(links(&first), Vec::<String>::new(), "there is an owner");
    assert_eq!(first.stranger().get(&format!("/setup/{fresh}")).await.status, 200, "the page");
    eventually("the access log", async || first.log().contains("/setup/(secret)").then_some(())).await;
    assert!(!first.log().contains(&fresh), "a secret stays out of the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_looked_after_at_the_command_line() {
    let server = Server::start().await;
    let stranger = server.stranger();
    let typed = format!("{PASSWORD}\n");
    let create = ["user", "create", "Ada", "--role", "owner", "--password-stdin", "--json"];
    let ada = server.run(&create, &typed);
    assert_eq!(
        (&ada["name"], &ada["role"], &ada["disabled"]),
        (&json!("ada"), &json!("owner"), &json!(false))
    );
    let bob = ["user", "create", "bob", "--role", "viewer", "--password-stdin", "--json"];
    let _ = server.run(&bob, &typed);

    let cookie = sign_in(&stranger, "bob", PASSWORD).await.expect("signed in");
    assert_eq!(me(&stranger, &cookie).await.0, 200);
    let _ = server.run(&["user", "disable", "bob"], "");
    assert_eq!(me(&stranger, &cookie).await.0, 401, "at once");
    assert_eq!(sign_in(&stranger, "bob", PASSWORD).await, Err(401));
    let _ = server.run(&["user", "enable", "bob"], "");
    let _ = server.run(&["user", "passwd", "bob", "--password-stdin"], "quite another one");
    assert_eq!(sign_in(&stranger, "bob", PASSWORD).await, Err(401));
    sign_in(&stranger, "bob", "quite another one").await.expect("signed in");

    let tenant = server.run(&["tenant", "create", "Elsewhere", "--json"], "");
    let id = tenant["id"].as_str().expect("an identifier");
    let key = server.run(&["key", "create", "--role", "owner", "--tenant", id, "--json"], "");
    let elsewhere = Client::new(&server.url, key["key"].as_str().map(str::to_owned));
    assert_eq!(elsewhere.get("/api/v1/me").await.json()["tenant"]["name"], "Elsewhere");
    assert_eq!(
        elsewhere.get("/api/v1/users").await.json()["items"],
        json!([]),
        "it sees nobody of the first"
    );

    let log = server.client().get("/api/v1/audit").await.json();
    let actions: Vec<_> =
        log["items"].as_array().expect("a list").iter().map(|entry| &entry["action"]).collect();
    for action in
        ["user-created", "sign-in", "user-disabled", "sign-in-refused", "user-enabled", "password-reset"]
    {
        assert!(actions.contains(&&json!(action)), "{action}: {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_tries_is_throttled_across_origins_and_counted() {
    let first = Server::start().await;
    let second = first.beside(ServerOptions::command("origin", &[])).await;
    let create = ["user", "create", "ada", "--role", "viewer", "--password-stdin", "--json"];
    let _ = first.run(&create, PASSWORD);
    let clients = [first.stranger(), second.stranger()];
    let mut refused = Vec::new();
    for number in 0..14 {
        refused.push(sign_in(&clients[number % 2], "ada", "not the right one").await.expect_err("refused"));
    }
    assert_eq!(refused.iter().filter(|status| **status == 401).count(), 10, "{refused:?}");
    assert_eq!(refused.iter().filter(|status| **status == 429).count(), 4, "{refused:?}");
    assert_eq!(sign_in(&clients[0], "ada", PASSWORD).await, Err(429));
    let metrics = first.client().get("/metrics").await.text();
    assert!(metrics.contains("nexus_sign_ins_throttled_total{by=\"name\"} 3"), "{metrics}");
}
