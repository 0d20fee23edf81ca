//! The API's document against the API: every operation is there, every method that is not documented is not, and
//! real answers have exactly the fields that are written down.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Map, Value, json};
use tests::{Answer, Client, Server, ServerOptions, clip};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const JSON: (&str, &str) = ("content-type", "application/json");
const NOBODY: &str = "00000000000000000000000000";

struct Document(Value);

impl Document {
    async fn of(client: &Client) -> Self {
        let answer = client.get("/api/v1/openapi.json").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
        Self(answer.json())
    }

    fn paths(&self) -> &Map<String, Value> {
        self.0["paths"].as_object().expect("paths")
    }

    /// What a reference stands for, or the value itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(target) => {
                self.0.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}"))
            }
            None => value,
        }
    }

    /// Every way in which `value` is not what `schema` says.
    fn differences(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let schema = self.resolve(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = choices.iter().any(|choice| self.differences(choice, value, at).is_empty());
            return if fits { Vec::new() } else { vec![format!("{at}: {value} is none of {choices:?}")] };
        }
        if let Some(choices) = schema["enum"].as_array() {
            return if choices.contains(value) { Vec::new() } else { vec![format!("{at}: {value}")] };
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => panic!("{at}: a schema without a type: {schema}"),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&kind) {
            return vec![format!("{at}: {value} is no {types:?}")];
        }
        match value {
            Value::Array(items) => items
                .iter()
                .flat_map(|item| self.differences(&schema["items"], item, &format!("{at}[]")))
                .collect(),
            Value::Object(fields) => self.fields(schema, fields, at),
            _ => Vec::new(),
        }
    }

    /// All that are required are there, and none that is not written down, where no others are allowed.
    fn fields(&self, schema: &Value, fields: &Map<String, Value>, at: &str) -> Vec<String> {
        let known = schema["properties"].as_object();
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let missing = required
            .filter(|name| !fields.contains_key(*name))
            .map(|name| format!("{at}.{name} is documented and missing"));
        let present = fields.iter().flat_map(|(name, value)| {
            let place = format!("{at}.{name}");
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.differences(schema, value, &place),
                None if schema["additionalProperties"] == false => vec![format!("{place} is not documented")],
                None => Vec::new(),
            }
        });
        missing.chain(present).collect()
    }

    /// Fails unless an answer is one that its operation documents.
    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let place = format!("{method} {path} → {}", answer.status.as_u16());
        let responses = &self.paths()[path][method]["responses"];
        let response = &responses[answer.status.as_str()];
        assert!(!response.is_null(), "{place} is not documented: {answer:?}");
        let Some(content) = self.resolve(response)["content"].as_object() else {
            assert!(answer.body.is_empty(), "{place}: {answer:?}");
            return;
        };
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
        let schema = &content.get(&media_type).unwrap_or_else(|| panic!("{place}: {media_type}"))["schema"];
        if media_type.ends_with("json") {
            let wrong = self.differences(schema, &answer.json(), "");
            assert!(wrong.is_empty(), "{place}:\n{}", wrong.join("\n"));
        }
    }
}

fn concrete(path: &str) -> String {
    path.replace("{id}", NOBODY)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_is_there_and_nothing_else() {
    let server = Server::start().await;
    let (owner, stranger) = (server.client(), server.stranger());
    let document = Document::of(&stranger).await;
    for (path, operations) in document.paths() {
        let documented: BTreeSet<&str> =
            METHODS.into_iter().filter(|method| operations.get(method).is_some()).collect();
        let probe = owner.send(Method::OPTIONS, &concrete(path), &[], "").await;
        assert_eq!(probe.status, 405, "{path}: {probe:?}");
        let allowed = probe.header("allow").to_ascii_lowercase();
        let allowed: BTreeSet<&str> = allowed.split(',').map(str::trim).filter(|m| *m != "head").collect();
        assert_eq!(allowed, documented, "{path}");
        for method in documented {
            let access = operations[method]["x-access"].as_str().expect("an access");
            if ["public", "token"].contains(&access) || path.ends_with("/events") {
                continue;
            }
            let verb = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).expect("a method");
            let refused = stranger.send(verb, &concrete(path), &[JSON], "{}").await;
            assert_eq!(refused.status, 401, "{method} {path} is for {access}: {refused:?}");
            document.check(method, path, &refused);
        }
    }
}

/// Who calls and holds every answer against the document.
struct Reader {
    client: Client,
    document: Document,
}

impl Reader {
    async fn send(&self, method: &str, template: &str, id: &str, body: &Value) -> Answer {
        let verb = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).expect("a method");
        let path = template.replace("{id}", id);
        let answer = self.client.send(verb, &path, &[JSON], body.to_string()).await;
        self.document.check(method, template, &answer);
        answer
    }

    async fn post(&self, template: &str, id: &str, body: Value) -> Answer {
        self.send("post", template, id, &body).await
    }

    async fn told(&self, operations: &[(&str, &str, &str, &Value, u16)]) {
        for (method, path, id, body, status) in operations {
            let answer = self.send(method, path, id, body).await;
            assert_eq!(answer.status.as_u16(), *status, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_are_those_documented() {
    let server = Server::with(ServerOptions::all(&["webhook.allow_private=true"])).await;
    let document = Document::of(&server.stranger()).await;
    let reader = Reader { client: server.client(), document };
    let nothing = &json!({});
    let somebody = &json!({"name": "ada", "role": "creator", "password": "long enough"});
    let set_up = json!({"secret": "x", "tenant": "T", "name": "ada", "password": "long enough"});
    let operations = [
        ("get", "/api/v1/version", "", nothing, 200),
        ("get", "/api/v1/limits", "", nothing, 200),
        ("post", "/api/v1/session", "", &json!({"key": "x"}), 403),
        ("get", "/api/v1/me", "", nothing, 200),
        ("put", "/api/v1/me/password", "", &json!({"current": "x", "password": "long enough"}), 403),
        ("delete", "/api/v1/me/sessions", "", nothing, 204),
        ("post", "/api/v1/setup", "", &set_up, 410),
        ("post", "/api/v1/users", "", somebody, 201),
        ("post", "/api/v1/users", "", somebody, 409),
        ("get", "/api/v1/users", "", nothing, 200),
        ("patch", "/api/v1/users/{id}", NOBODY, &json!({"disabled": true}), 404),
        ("put", "/api/v1/users/{id}/password", NOBODY, &json!({"password": "long enough"}), 404),
        ("post", "/api/v1/keys", "", &json!({"name": "k", "role": "viewer", "scopes": ["read"]}), 201),
        ("get", "/api/v1/keys", "", nothing, 200),
        ("delete", "/api/v1/keys/{id}", NOBODY, nothing, 404),
        ("get", "/api/v1/audit", "", nothing, 200),
        ("post", "/api/v1/webhooks", "", &json!({"url": "x"}), 422),
        ("get", "/api/v1/webhooks/{id}", NOBODY, nothing, 404),
    ];
    reader.told(&operations).await;
    let made = reader.post("/api/v1/webhooks", "", json!({"url": "http://127.0.0.1:9/"})).await.json();
    let webhook = made["id"].as_str().expect("an id");
    let operations = [
        ("post", "/api/v1/webhooks/{id}/ping", webhook, nothing, 202),
        ("post", "/api/v1/webhooks/{id}/rotate", webhook, nothing, 200),
        ("get", "/api/v1/webhooks/{id}/deliveries", webhook, nothing, 200),
        ("get", "/api/v1/webhooks", "", nothing, 200),
        ("patch", "/api/v1/webhooks/{id}", webhook, &json!({"enabled": false}), 200),
        ("post", "/api/v1/webhooks/{id}/ping", webhook, nothing, 409),
        ("delete", "/api/v1/webhooks/{id}", webhook, nothing, 204),
    ];
    reader.told(&operations).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_about_channels_are_those_documented() {
    let server = Server::start().await;
    let document = Document::of(&server.stranger()).await;
    let reader = Reader { client: server.client(), document };
    let nothing = &json!({});
    let made = reader.post("/api/v1/channels", "", json!({"name": "studio", "rungs": [720]})).await.json();
    let channel = made["channel"].as_str().expect("an id");
    let chosen = &json!({"rungs": null, "dvr_seconds": null, "admission_url": "https://gate.example/"});
    let operations = [
        ("post", "/api/v1/channels", "", &json!({"name": ""}), 422),
        ("get", "/api/v1/channels", "", nothing, 200),
        ("get", "/api/v1/channels/{id}", channel, nothing, 200),
        ("get", "/api/v1/channels/{id}", NOBODY, nothing, 404),
        ("patch", "/api/v1/channels/{id}", channel, chosen, 200),
        ("patch", "/api/v1/channels/{id}", channel, &json!({"state": "live"}), 422),
        ("get", "/api/v1/channels/{id}/state", channel, nothing, 200),
        ("get", "/api/v1/channels/{id}/pulse", channel, nothing, 200),
        ("get", "/api/v1/channels/{id}/broadcasts", channel, nothing, 200),
        ("get", "/api/v1/live/{id}", channel, nothing, 200),
        ("get", "/api/v1/live/{id}", NOBODY, nothing, 404),
        ("post", "/api/v1/live/{id}/beacon", channel, &json!({"viewer": "a-viewer-of-nothing"}), 404),
        ("post", "/api/v1/live/{id}/beacon", channel, nothing, 422),
        ("post", "/api/v1/channels/{id}/key", channel, nothing, 200),
        ("post", "/api/v1/channels/{id}/kick", channel, nothing, 409),
        ("delete", "/api/v1/channels/{id}", channel, nothing, 204),
        ("post", "/api/v1/channels/{id}/key", channel, nothing, 404),
    ];
    reader.told(&operations).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_about_films_are_those_documented() {
    let server = Server::start().await;
    let document = Document::of(&server.stranger()).await;
    let (owner, reader) = (server.client(), Reader { client: server.client(), document });
    let film = owner.ready(&clip(4, "320x180", "25", &["--silent"]), &["--visibility", "private"]).await;
    let headers = [("tus-resumable", "1.0.0"), ("upload-length", "10")];
    owner.send(Method::POST, "/files", &headers, "").await;
    let id = film["id"].as_str().expect("an id");
    let nothing = &json!({});
    let token = reader.post("/api/v1/assets/{id}/token", id, nothing.clone()).await.json();
    let operations = [
        ("get", "/api/v1/assets", "", nothing, 200),
        ("get", "/api/v1/assets/{id}", id, nothing, 200),
        ("get", "/api/v1/assets/{id}", NOBODY, nothing, 404),
        ("patch", "/api/v1/assets/{id}", id, &json!({"title": "new"}), 200),
        ("patch", "/api/v1/assets/{id}", id, &json!({"title": ""}), 422),
        ("patch", "/api/v1/assets/{id}", id, &json!({"name": "x"}), 422),
        ("get", "/api/v1/watch/{id}", id, nothing, 200),
        ("post", "/api/v1/plays", "", &json!({"asset": id}), 404),
        ("delete", "/api/v1/plays/{id}", NOBODY, nothing, 404),
        ("post", "/api/v1/plays/{id}/heartbeat", NOBODY, nothing, 404),
    ];
    reader.told(&operations).await;
    let play = reader.post("/api/v1/plays", "", json!({"asset": id, "token": token["token"]})).await.json();
    let play = play["play"].as_str().expect("an id");
    reader.told(&[("post", "/api/v1/plays/{id}/heartbeat", play, nothing, 204)]).await;
    assert_eq!(owner.asset(id).await["viewers"], 1);
    reader.told(&[("delete", "/api/v1/plays/{id}", play, nothing, 204)]).await;
    assert_eq!(owner.asset(id).await["viewers"], 0);
    let operations = [
        ("post", "/api/v1/assets/{id}/retry", NOBODY, nothing, 404),
        ("post", "/api/v1/assets/{id}/retry", id, nothing, 409),
        ("post", "/api/v1/assets/{id}/cancel", id, nothing, 409),
        ("post", "/api/v1/assets/{id}/reencode", id, nothing, 200),
        ("get", "/api/v1/jobs", "", nothing, 200),
        ("get", "/api/v1/workers", "", nothing, 200),
        ("get", "/api/v1/disk", "", nothing, 200),
        ("post", "/api/v1/assets/{id}/cancel", id, nothing, 200),
        ("post", "/api/v1/assets/{id}/retry", id, nothing, 200),
        ("get", "/api/v1/jobs", "", nothing, 200),
        ("delete", "/api/v1/assets/{id}", id, nothing, 204),
    ];
    reader.told(&operations).await;
}
