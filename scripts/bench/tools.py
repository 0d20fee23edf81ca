"""Programs and folders that every part of the benchmark uses."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from peers.server import NEXUS, TARGET  # noqa: E402, F401

WORK = TARGET / "bench"
# FFmpeg 9, static, with libvmaf and its model inside.
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def say(text):
    """Says what is going on, to people."""
    print(f"\033[1m== {text}\033[0m", file=sys.stderr, flush=True)


def fail(text):
    """Ends the program with a reason."""
    sys.exit(f"error: {text}")


def probe(path, *more):
    """What ffprobe says about a file."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", *more, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def median(values):
    """The middle of some measurements."""
    return statistics.median(values)


def spread(values, digits=2):
    """Least to greatest, for a table."""
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"
