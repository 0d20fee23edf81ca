"""nginx with deploy/nginx.conf in front: a film goes in and plays, and the client's address arrives."""

import json
import re
import socket
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from .fixture import folder
from .programs import run
from .server import ENVIRONMENT, NEXUS, PATIENCE, POLL, ROOT, Server, end_with_parent


def free_port():
    """A port that nobody has at the moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Nginx(unittest.TestCase):
    """The configuration as it is delivered, on other ports and with a certificate of the test's own."""

    def setUp(self):
        self.place = folder(self)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.cert, key = self.place / "fullchain.pem", self.place / "privkey.pem"
        request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=localhost".split()
        extensions = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
        made = run("openssl", *request, *extensions, "-keyout", key, "-out", self.cert)
        self.assertEqual(made.code, 0, made.complaints)
        settings = (f"server.public_url={self.url}", "server.trusted_proxies=127.0.0.1")
        self.server = self.enterContext(Server(*settings, "telemetry.metrics_token=watching", "telemetry.format=json"))
        self.start(key)

    def start(self, key):
        """The delivered text with this machine's ports, paths and no root."""
        backend = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log_of_start())[1]
        text = (ROOT / "deploy/nginx.conf").read_text()
        for old, new in (
            ("server 127.0.0.1:8080;", f"server 127.0.0.1:{backend};"),
            ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            ("/etc/nexus/tls/fullchain.pem", str(self.cert)),
            ("/etc/nexus/tls/privkey.pem", str(key)),
            ("worker_processes auto;", f"worker_processes 1; daemon off; pid {self.place}/pid; error_log stderr;"),
        ):
            self.assertIn(old, text)
            text = text.replace(old, new)
        paths = "".join(
            f"{name}_temp_path {self.place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("http {", f"http {{ access_log off; {paths}", 1)
        (self.place / "nginx.conf").write_text(text)
        command = ["nginx", "-p", self.place, "-c", self.place / "nginx.conf"]
        self.nginx = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
        self.addCleanup(self.end)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.assertIsNone(self.nginx.poll(), "nginx ended")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(POLL)
        self.fail("nginx does not listen")

    def log_of_start(self):
        """The log up to the line that names the port; the public address hides it."""
        deadline = time.monotonic() + PATIENCE
        while "listening on" not in self.server.log():
            self.assertLess(time.monotonic(), deadline, self.server.log())
            time.sleep(POLL)
        return self.server.log()

    def end(self):
        """Ends nginx."""
        self.nginx.terminate()
        self.nginx.wait(PATIENCE)

    def get(self, path, headers=None):
        """An answer through nginx."""
        address = path if path.startswith("http") else self.url + path
        context = ssl.create_default_context(cafile=self.cert)
        request = urllib.request.Request(address, headers=headers or {})
        return urllib.request.urlopen(request, timeout=PATIENCE, context=context)

    def test_a_film_goes_in_and_plays(self):
        film = self.server.film("film.mp4", 6, "--size", "320x180")
        line = json.loads(self.upload(film))
        self.assertEqual(line["state"], "ready", line)
        self.assertTrue(line["hls"].startswith(self.url), line)
        checked = run(NEXUS, "check", line["hls"], "--ca", self.cert, "--json", env=ENVIRONMENT)
        self.assertEqual(checked.code, 0, checked.out + checked.complaints)
        with self.get(line["hls"]) as playlist:
            self.assertIn("#EXTM3U", playlist.read().decode())
            self.assertIn("max-age", playlist.headers["strict-transport-security"])
        # A client's own word on its address counts for nothing beside what nginx saw.
        with self.get("/health/live", {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}) as answer:
            request = answer.headers["x-request-id"]
        self.assertEqual(self.client_of(request), "127.0.0.1")
        with self.assertRaises(urllib.error.HTTPError) as hidden:
            self.get("/metrics", {"authorization": "Bearer watching"})
        self.assertEqual(hidden.exception.code, 404)

    def upload(self, film):
        """`nexus upload` through nginx."""
        command = [NEXUS, "upload", film, "--server", self.url, "--key", self.server.key, "--ca", self.cert]
        done = run(*command, "--wait", "--json", "--visibility", "public", env=ENVIRONMENT)
        self.assertEqual(done.code, 0, done.complaints + self.server.log())
        return done.out

    def client_of(self, request):
        """Whom the access log names for a request."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self.server.log().splitlines() if line.startswith("{")]
            found = [line["client"] for line in lines if line.get("request") == request]
            if found:
                return found[0]
            time.sleep(POLL)
        self.fail(self.server.log())
