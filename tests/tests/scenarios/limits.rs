//! What a tenant may upload: refused before a byte of it is read, and free again when an upload ends.

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Server, ServerOptions};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn create(client: &Client, length: usize) -> Answer {
    client.send(Method::POST, "/files", &[TUS, ("upload-length", &length.to_string())], "").await
}

async fn limits(client: &Client) -> Value {
    client.get("/api/v1/limits").await.json()
}

fn over(answer: &Answer, used: u64) {
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (413, "quota-exceeded"), "{answer:?}");
    let problem = answer.json();
    assert_eq!((problem["used_bytes"].as_u64(), problem["limit_bytes"].as_u64()), (Some(used), Some(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_takes_no_more_than_it_may() {
    let options = ServerOptions::all(&["upload.tenant_bytes_max=100", "upload.size_max_bytes=80"]);
    let server = Server::with(options).await;
    let client = server.client();
    let open = create(&client, 60).await;
    assert_eq!(open.status, 201);
    assert_eq!(limits(&client).await, json!({"size_max_bytes": 80, "bytes_max": 100, "bytes_used": 60}));
    over(&create(&client, 41).await, 60);
    let large = create(&client, 81).await;
    assert_eq!((large.status.as_u16(), large.problem().as_str()), (413, "payload-too-large"));
    // The body never ends: an answer comes only from who does not read it.
    let endless = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let headers = [TUS, BYTES, ("upload-length", "41")];
    over(&client.send(Method::POST, "/files", &headers, axum::body::Body::from_stream(endless)).await, 60);
    // Nor does a length that is said later help.
    let deferred = client.send(Method::POST, "/files", &[TUS, ("upload-defer-length", "1")], "").await;
    let url = deferred.header("location");
    let patch = async |bytes: usize, more: &[(&str, &str)]| {
        let headers = [&[TUS, BYTES, ("upload-offset", "0")][..], more].concat();
        client.send(Method::PATCH, url, &headers, vec![b'x'; bytes]).await
    };
    over(&patch(41, &[]).await, 60);
    over(&patch(1, &[("upload-length", "41")]).await, 60);
    assert_eq!(patch(40, &[]).await.status, 204);
    over(&create(&client, 1).await, 100);
    assert_eq!(client.send(Method::DELETE, open.header("location"), &[TUS], "").await.status, 204);
    assert_eq!(limits(&client).await["bytes_used"], 40);
    assert_eq!(create(&client, 60).await.status, 201);
    assert_eq!(server.stranger().get("/api/v1/limits").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gives_a_tenant_limits_of_its_own() {
    let server = Server::with(ServerOptions::all(&["upload.tenant_bytes_max=100"])).await;
    let client = server.client();
    over(&create(&client, 101).await, 0);
    let said = server.run(&["limit", "--bytes-max", "0", "--size-max", "200", "--json"], "");
    assert_eq!((said["bytes_max"].as_u64(), said["size_max_bytes"].as_u64()), (Some(0), Some(200)));
    assert_eq!(create(&client, 200).await.status, 201);
    assert_eq!(create(&client, 201).await.status, 413);
    let shown = limits(&client).await;
    assert_eq!(shown, json!({"size_max_bytes": 200, "bytes_max": null, "bytes_used": 200}));
    let (done, said) = server.command(&["limit", "--size-max", "default"]).await;
    assert!(done && said.contains("no limit, 200 used"), "{said}");
    assert_eq!(create(&client, 201).await.status, 201);
}
