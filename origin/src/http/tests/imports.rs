//! What may be fetched from where, as the API says it.

use axum::http::{Request, StatusCode};
use base::Role;
use testkit::both_dbs;

use super::ground::{Answer, Ground, PUBLIC_URL};

async fn import(ground: &Ground, key: &str, body: &str) -> Answer {
    let request = Request::post("/api/v1/imports").header("authorization", format!("Bearer {key}"));
    ground.send(request.header("content-type", "application/json"), body).await
}

fn slug(answer: &Answer) -> &str {
    answer.body["type"].as_str().unwrap_or_default().trim_start_matches("urn:nexus:problem:")
}

both_dbs!(an_import_is_accepted_with_its_asset_and_upload, |db| async move {
    let ground = Ground::new(db).await;
    let key = ground.key(&ground.home, Role::Creator, &[]).await;
    let answer =
        import(&ground, &key, r#"{"url":"https://films.example/A%20film.mov?token=secret#t"}"#).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let id = answer.body["id"].as_str().expect("an identifier");
    assert_eq!(answer.headers["location"], format!("/api/v1/assets/{id}"));
    assert_eq!((&answer.body["title"], &answer.body["state"]), (&"A film".into(), &"uploading".into()));
    assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
    let upload = answer.body["upload"]["url"].as_str().expect("an upload").to_owned();
    let path = upload.strip_prefix(PUBLIC_URL).expect("ours");
    let request = Request::patch(path)
        .header("authorization", format!("Bearer {key}"))
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream");
    let refused = ground.send(request, "bytes").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "the server fetches them itself");
});

both_dbs!(what_may_not_be_fetched_is_refused_at_once, |db| async move {
    let ground = Ground::new(db).await;
    let key = ground.key(&ground.home, Role::Creator, &[]).await;
    for (body, status, problem) in [
        (r#"{"url":"https://other.example/a.mov"}"#, 403, "import-refused"),
        (r#"{"url":"https://films.example:22/a.mov"}"#, 403, "import-refused"),
        (r#"{"url":"http://films.example/a.mov"}"#, 422, "unprocessable"),
        (r#"{"url":"file:///etc/passwd"}"#, 422, "unprocessable"),
        (r#"{"url":"https://me:secret@films.example/"}"#, 422, "unprocessable"),
        (r#"{"url":"https://films.example/","visibility":"secret"}"#, 422, "unprocessable"),
        (r#"{"url":"https://films.example/","title":""}"#, 422, "unprocessable"),
    ] {
        let answer = import(&ground, &key, body).await;
        assert_eq!((answer.status.as_u16(), slug(&answer)), (status, problem), "{body}: {}", answer.body);
    }
    let assets = Request::get("/api/v1/assets").header("authorization", format!("Bearer {key}"));
    assert_eq!(ground.send(assets, "").await.body["items"], serde_json::json!([]), "nothing was begun");
});

both_dbs!(an_import_is_begun_once_under_its_key, |db| async move {
    let ground = Ground::new(db).await;
    let key = ground.key(&ground.home, Role::Creator, &[]).await;
    let import = async |body: &str| {
        let request = Request::post("/api/v1/imports").header("authorization", format!("Bearer {key}"));
        let request = request.header("content-type", "application/json").header("idempotency-key", "one");
        ground.send(request, body).await
    };
    let body = r#"{"url":"https://films.example/a.mov"}"#;
    let (first, again) = (import(body).await, import(body).await);
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED), "{}", again.body);
    assert_eq!(first.body["id"], again.body["id"]);
    let other = import(r#"{"url":"https://films.example/b.mov"}"#).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "another request: {}", other.body);
    let assets = Request::get("/api/v1/assets").header("authorization", format!("Bearer {key}"));
    assert_eq!(ground.send(assets, "").await.body["items"].as_array().map(Vec::len), Some(1));
});
