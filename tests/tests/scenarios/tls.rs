//! TLS as clients of others see it: curl and openssl, a phone on the same network, certificates that change
//! under a running download.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
};

use http::Method;
use tempfile::TempDir;
use tests::{Client, Server, ServerOptions, clip, eventually};
use tokio::process::Command;

async fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let command =
        Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = command.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn authority(server: &Server) -> &str {
    server.url.trim_start_matches("https://")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Pairs as an orchestrator lays secrets: a link to a folder of the day, which is exchanged as a whole.
struct Secret {
    folder: TempDir,
}

impl Secret {
    async fn new(name: &str) -> Self {
        let secret = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        secret.make(name, name).await;
        secret.point_to(name);
        for file in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{file}"), secret.folder.path().join(file)).expect("linked");
        }
        secret
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for localhost under `subject`, in the folder `version`.
    async fn make(&self, version: &str, subject: &str) {
        let folder = self.file(version);
        std::fs::create_dir_all(&folder).expect("made");
        let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        let subject = format!("/CN={subject}");
        let (made, said) = run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "90",
                "-subj",
                &subject,
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-keyout",
                text(&key),
                "-out",
                text(&cert),
            ],
        )
        .await;
        assert!(made, "{said}");
    }

    fn point_to(&self, version: &str) {
        symlink(version, self.file("..new")).expect("linked");
        std::fs::rename(self.file("..new"), self.file("..data")).expect("exchanged");
    }

    fn options(&self, role: &str, more: &[&str]) -> ServerOptions {
        let (cert, key) = (self.file("tls.crt"), self.file("tls.key"));
        let pair = [format!("tls.cert={}", text(&cert)), format!("tls.key={}", text(&key))];
        ServerOptions::command(role, &[&[pair[0].as_str(), pair[1].as_str()], more].concat())
    }
}

/// The subject of the certificate that new connections get.
async fn subject(server: &Server) -> String {
    let (_, said) = run("openssl", &["s_client", "-connect", authority(server)]).await;
    let line = said.lines().find(|line| line.starts_with("subject=")).unwrap_or_default();
    line.rsplit('=').next().unwrap_or_default().trim().to_owned()
}

async fn presents(server: &Server, wanted: &str) {
    eventually("the new certificate", async || (subject(server).await == wanted).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_changes_under_a_running_download() {
    let secret = Secret::new("one").await;
    let server = Server::with(secret.options("all", &["telemetry.metrics_token=watching"])).await;
    let client = server.client().trusting(&secret.file("tls.crt"));
    let asset = client.ready(&clip(6, "320x180", "25", &[]), &["--visibility", "public"]).await;
    let hls = asset["hls"].as_str().expect("an address");
    assert!(hls.starts_with(&server.url) && server.url.starts_with("https://127.0.0.1:"), "{hls}");
    assert_eq!(subject(&server).await, "one");

    let segment = hls.replace("hls.m3u8", "v1/video-180/00000.m4s");
    let expected = client.get(&segment).await;
    assert_eq!(expected.status, 200);
    let rate = (expected.body.len() / 20).to_string();
    let kept = secret.file("segment");
    let first = secret.file("one").join("tls.crt");
    let arguments = ["-sS", "--cacert", text(&first), "--limit-rate", &rate, "-o", text(&kept), &segment];
    let mut download = Command::new("curl").args(arguments).kill_on_drop(true).spawn().expect("curl starts");

    secret.make("two", "two").await;
    secret.point_to("two");
    presents(&server, "two").await;
    assert!(download.try_wait().expect("asked").is_none(), "the download was over before the change");

    secret.make("three", "three").await;
    std::fs::copy(secret.file("one").join("tls.key"), secret.file("three").join("tls.key")).expect("copied");
    secret.point_to("three");
    let refused = "nexus_tls_reloads_total{result=\"refused\"} 1";
    let (two, watching) = (secret.file("two").join("tls.crt"), [("authorization", "Bearer watching")]);
    eventually("the wrong pair to be refused", async || {
        let watcher = Client::new(&server.url, None).trusting(&two);
        let metrics = watcher.send(Method::GET, "/metrics", &watching, "").await.text();
        assert!(metrics.contains("nexus_tls_certificate_not_after_seconds "), "{metrics}");
        metrics.contains(refused).then_some(())
    })
    .await;
    assert!(server.log().contains("does not belong to the certificate"), "{}", server.log());
    assert_eq!(subject(&server).await, "two", "the pair before stays in use");

    secret.make("three", "three").await;
    presents(&server, "three").await;
    assert!(download.wait().await.expect("curl ends").success());
    assert_eq!(std::fs::read(kept).expect("downloaded"), expected.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_openssl_find_both_protocols_resumption_and_strict_transport() {
    let secret = Secret::new("one").await;
    let server = Server::with(secret.options("all", &["server.public_url=https://video.example"])).await;
    // The line that says where it is ready names the public address.
    let port = server.port().await;
    let (address, cert) = (format!("https://localhost:{port}/health"), secret.file("tls.crt"));
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let shown = "%{http_version} %{http_code} %header{strict-transport-security}";
        let (done, said) =
            run("curl", &["-sS", flag, "--cacert", text(&cert), "-o", "/dev/null", "-w", shown, &address])
                .await;
        assert!(done && said == format!("{version} 200 max-age=31536000"), "{said}");
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let (target, session) = (format!("localhost:{port}"), secret.file("session"));
        let shake = async |more: [&str; 2]| {
            let request =
                "printf 'GET /health/live HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n'";
            let line = format!("{request} | openssl s_client -ign_eof {version} -connect {target} \"$@\"");
            run("sh", &[&["-c", line.as_str(), "sh"][..], &more[..]].concat()).await.1
        };
        let first = shake(["-sess_out", text(&session)]).await;
        assert!(first.contains("New, TLSv1"), "{first}");
        let second = shake(["-sess_in", text(&session)]).await;
        assert!(second.contains("Reused, TLSv1") && second.contains("204 No Content"), "{second}");
    }
    let (_, old) = run("openssl", &["s_client", "-tls1_1", "-connect", &format!("localhost:{port}")]).await;
    assert!(old.contains("Cipher is (NONE)"), "{old}");
    let (_, plain) = run("curl", &["-sS", &format!("http://localhost:{port}/")]).await;
    assert!(plain.contains("https://"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_the_network_accepts_the_certificate_once() {
    let own = ServerOptions::all(&["tls.self_signed=true"]);
    let mut server = Server::with(ServerOptions { listen: Some("0.0.0.0:0".into()), ..own }).await;
    assert!(!server.url.contains("0.0.0.0") && !server.url.contains("127.0.0.1"), "{}", server.url);
    let film = server.client().ready(&clip(6, "320x180", "25", &[]), &["--visibility", "public"]).await;
    let hls = film["hls"].as_str().expect("an address").to_owned();
    assert!(hls.starts_with(&server.url), "{hls}");

    let kept = tempfile::tempdir().expect("a temporary folder");
    let accepted = kept.path().join("accepted.crt");
    std::fs::copy(server.own_certificate(), &accepted).expect("copied");
    let phone = async |address: &str| run("curl", &["-sSi", "--cacert", text(&accepted), address]).await;
    let (done, answer) = phone(&hls).await;
    assert!(done && answer.contains("#EXTM3U"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("strict-transport"), "{answer}");

    assert!(server.stop().await.success());
    server.restart().await;
    let (done, answer) = phone(&hls).await;
    assert!(done && answer.contains("#EXTM3U"), "the same certificate after a restart: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_trusts_the_origin_it_is_told_to_trust() {
    let secret = Secret::new("one").await;
    let origin = Server::with(secret.options("origin", &[])).await;
    let (upstream, cert) = (format!("edge.upstream={}", origin.url), secret.file("tls.crt"));
    let edge = |more: &str| ServerOptions::command("edge", &[&upstream, "tls.self_signed=true", more]);
    let trusting = origin.beside(edge(&format!("edge.upstream_ca={}", text(&cert)))).await;
    eventually("the keys of the origin", async || {
        let health = trusting.stranger().get("/health/streaming-service").await;
        (health.json()["state"] == "ok").then_some(())
    })
    .await;
    let doubting = origin.beside(edge("telemetry.metrics_token=watching")).await;
    eventually("a fetch that fails", async || {
        let watching = [("authorization", "Bearer watching")];
        let health = doubting.stranger().send(Method::GET, "/health/key-service", &watching, "").await.json();
        health["reason"].as_str().is_some_and(|reason| reason.contains("certificate")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_with_a_wrong_pair() {
    let secret = Secret::new("one").await;
    secret.make("two", "two").await;
    let (cert, other) = (secret.file("one").join("tls.crt"), secret.file("two").join("tls.key"));
    let data = secret.file("data");
    for (cert, key, named) in [
        (text(&cert), text(&other), "tls.key"),
        ("/nowhere/tls.crt", text(&other), "tls.cert"),
        (text(&cert), "", "tls.key"),
    ] {
        let pair = [format!("tls.cert={cert}"), format!("tls.key={key}")];
        let program = tests::binary();
        let arguments =
            ["all", "--data", text(&data), "--listen", "127.0.0.1:0", "--set", &pair[0], "--set", &pair[1]];
        let (started, said) = run(text(&program), &arguments).await;
        assert!(!started && said.contains(named), "{said}");
    }
}
