"""A server under test: the real binary on a free port with a data folder of its own."""

import ctypes
import functools
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
NEXUS = Path(os.environ.get("NEXUS_BIN", TARGET / "release" / "nexus"))
# Settings from outside would change what is tested, and names that are no setting stop the start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
# The longest any test waits for anything, in seconds.
PATIENCE = 600
POLL = 0.25
LOG_LINES_MAX = 400
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """Has the kernel end the calling process with its parent (prctl(2)): a killed test run leaves nothing behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """A running `nexus all`; ends with `stop` or with the `with` block."""

    def __init__(self, *settings, data=None):
        self.own = data is None
        self.data = Path(data or tempfile.mkdtemp(prefix="nexus-peers-"))
        flags = [flag for pair in settings for flag in ("--set", pair)]
        command = [NEXUS, "all", "--data", self.data, "--listen", "127.0.0.1:0"]
        command += ["--set", "live.rtmp=127.0.0.1:0", "--set", "live.srt=127.0.0.1:0", *flags]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, env=ENVIRONMENT, preexec_fn=end_with_parent, **pipes)
        self.lines = deque(maxlen=LOG_LINES_MAX)
        self.readers = []
        self._read(lambda: self.lines.extend(self.process.stderr))
        try:
            self.url = self._ready()
        except RuntimeError:
            self.stop()
            raise

    def _read(self, reader):
        """A full pipe would stop the server, so both are read all the time."""
        self.readers.append(threading.Thread(target=reader, daemon=True))
        self.readers[-1].start()

    def _ready(self):
        for line in self.process.stdout:
            if found := re.search(r"is ready on (\S+)", line):
                self._read(self.process.stdout.read)
                return found[1]
        raise RuntimeError(f"the server ended before it was ready:\n{self.log()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        """What it logged last."""
        return "".join(self.lines)

    @property
    def owner(self):
        """The headers of the owner's requests."""
        return {"authorization": f"Bearer {self.key}"}

    @property
    def pid(self):
        """Its process id."""
        return self.process.pid

    @functools.cached_property
    def key(self):
        """An owner's API key, made at the command line beside the running server."""
        command = [NEXUS, "key", "create", "--role", "owner", "--data", self.data]
        made = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE)
        return made.stdout.strip()

    def stop(self):
        """Asks it to end, waits until it has, and removes its data."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            for reader in self.readers:
                reader.join()
            self.process.stdout.close()
            self.process.stderr.close()
            if self.own:
                shutil.rmtree(self.data, ignore_errors=True)

    def get(self, path, headers=None):
        """The body of an answer to somebody without a key; `path` may be a whole address."""
        return self._ask(urllib.request.Request(self._address(path), headers=headers or {}))

    def json(self, path, method="GET", body=None):
        """The owner's question and its answer, both JSON."""
        headers = {**self.owner, "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self._ask(urllib.request.Request(self._address(path), data, headers, method=method)))

    def _address(self, path):
        return path if path.startswith("http") else self.url + path

    @property
    def _own(self):
        """The certificate that the server made itself, if it did."""
        own = self.data / "tls-self-signed.crt"
        return [own] if own.exists() else []

    def _context(self):
        return ssl.create_default_context(cafile=self._own[0]) if self._own else None

    def _ask(self, request):
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self._context()) as answer:
                return answer.read()
        except urllib.error.HTTPError as refused:
            refused.body = refused.read().decode()
            refused.add_note(f"{refused.body}\n{self.log()}")
            raise

    def health(self):
        """What `/health` says, be it well or not."""
        try:
            return self.json("/health")
        except urllib.error.HTTPError as unwell:
            return json.loads(unwell.body)

    def settled(self, asset):
        """Waits until a film is ready or has failed; it then."""
        while (shown := self.json(f"/api/v1/assets/{asset}"))["state"] not in ("ready", "failed"):
            time.sleep(POLL)
        return shown

    def film(self, name, seconds, *flags):
        """A film with barcodes in the data folder, made by the product."""
        out = self.data / name
        command = [NEXUS, "film", out, "--seconds", str(seconds), "--data", self.data, *flags]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT, timeout=PATIENCE)
        return out

    def upload(self, film, *flags):
        """Runs `nexus upload FILM --json`; the line it prints, read as JSON."""
        trust = [word for own in self._own for word in ("--ca", own)]
        command = [NEXUS, "upload", film, "--server", self.url, "--key", self.key, "--json", *trust, *flags]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE)
        if not done.stdout:
            raise RuntimeError(f"the upload failed: {done.stderr}\n{self.log()}")
        return json.loads(done.stdout)
