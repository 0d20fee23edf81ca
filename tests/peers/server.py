"""A server under test: the real binary on a free port with a data folder of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
NEXUS = Path(os.environ.get("NEXUS_BIN", TARGET / "release" / "nexus"))
# The longest any test waits for anything, in seconds.
PATIENCE = 600
LOG_LINES_MAX = 400


class Server:
    """A running `nexus all`; ends with `stop` or with the `with` block."""

    def __init__(self, *settings, data=None):
        self.own = data is None
        self.data = Path(data or tempfile.mkdtemp(prefix="nexus-peers-"))
        flags = [flag for pair in settings for flag in ("--set", pair)]
        command = [NEXUS, "all", "--data", self.data, "--listen", "127.0.0.1:0", *flags]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **pipes)
        self.lines = deque(maxlen=LOG_LINES_MAX)
        threading.Thread(target=self.lines.extend, args=(self.process.stderr,), daemon=True).start()
        self.url = self._ready()

    def _ready(self):
        for line in self.process.stdout:
            if found := re.search(r"is ready on (\S+)", line):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
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
    def pid(self):
        """Its process id."""
        return self.process.pid

    @property
    def key(self):
        """The owner's API key."""
        return (self.data / "owner.key").read_text().strip()

    def stop(self):
        """Asks it to end, waits until it has, and removes its data."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            if self.own:
                shutil.rmtree(self.data, ignore_errors=True)

    def get(self, path):
        """The body of an answer; `path` may be a whole address."""
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()

    def json(self, path):
        """An answer read as JSON."""
        return json.loads(self.get(path))

    def health(self):
        """What `/health` says, be it well or not."""
        try:
            return self.json("/health")
        except urllib.error.HTTPError as unwell:
            return json.loads(unwell.read())

    def film(self, name, seconds, *flags):
        """A film with barcodes in the data folder, made by the product."""
        out = self.data / name
        command = [NEXUS, "film", out, "--seconds", str(seconds), "--data", self.data, *flags]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        return out

    def upload(self, film, *flags):
        """Runs `nexus upload FILM --json`; the line it prints, read as JSON."""
        command = [NEXUS, "upload", film, "--server", self.url, "--key", self.key, "--json", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        if not done.stdout:
            raise RuntimeError(f"the upload failed: {done.stderr}\n{self.log()}")
        return json.loads(done.stdout)
