"""One server with films in it, shared by all tests of this folder and ended with them."""

import atexit
import functools
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

from . import presentation
from .programs import ffprobe, run
from .server import Server

# Films with barcodes and the flags of `nexus film` that make them. The second has the odd rate of American
# television, the third no sound.
FILMS = {
    "film": (20, "--size", "640x360"),
    "ntsc": (8, "--size", "640x360", "--rate", "30000/1001"),
    "silent": (5, "--size", "426x240", "--rate", "24000/1001", "--silent"),
}
MUSIC_SECONDS = 13
# A packet of AAC-LC.
AUDIO_PACKET_SECONDS = 1024 / 48000


@dataclass
class Film:
    """A film as it went in, and where what came out is to be had."""

    name: str
    path: Path
    asset: str
    hls: str
    dash: str
    # Frames of the source; 0 without pictures.
    frames: int
    # Length of the source's sound; 0 without.
    sound_seconds: float

    @functools.cached_property
    def tracks(self):
        """All tracks, read once."""
        folder = self.path.parent / self.asset
        folder.mkdir(exist_ok=True)
        return presentation.tracks(server(), self.hls, folder)

    def expect(self, case, kind, packets):
        """Whether so many packets are this film's pictures, all of them, or its sound, to a packet or two."""
        if kind == "video":
            case.assertEqual(packets, self.frames)
        else:
            case.assertAlmostEqual(packets * AUDIO_PACKET_SECONDS, self.sound_seconds, delta=2 * AUDIO_PACKET_SECONDS)


@functools.cache
def server():
    """The server."""
    started = Server()
    atexit.register(started.stop)
    return started


@functools.cache
def music():
    """A piece of music as MP3, which is sound alone and not at the rate we encode at."""
    path = server().data / "music.mp3"
    sound = f"sine=frequency=440:sample_rate=44100:duration={MUSIC_SECONDS}"
    made = run("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "libmp3lame", path)
    if made.code:
        raise RuntimeError(made.complaints)
    return path


@functools.cache
def film(name):
    """One of FILMS or `music`, uploaded and ready."""
    path = music() if name == "music" else server().film(f"{name}.mp4", *FILMS[name])
    line = server().upload(path, "--wait")
    if line["state"] != "ready":
        raise RuntimeError(f"{line}\n{server().log()}")
    found = ffprobe(path, "-count_packets")[1]["streams"]
    frames = [int(stream["nb_read_packets"]) for stream in found if stream["codec_type"] == "video"]
    sound = [float(stream["duration"]) for stream in found if stream["codec_type"] == "audio"]
    return Film(name, path, line["asset"], line["hls"], line["dash"], sum(frames), sum(sound))


def folder(case):
    """An empty folder for one test, which anybody may use."""
    made = tempfile.TemporaryDirectory(prefix="nexus-peers-")
    case.addCleanup(made.cleanup)
    Path(made.name).chmod(0o777)
    return Path(made.name)


def on_films(*names):
    """Makes a class of tests into one for each film, which finds its film under `self.film`."""

    def cases(tests):
        def set_up(case):
            case.film = film(case.film_name)

        for name in names:
            own = {"film_name": name, "setUp": set_up, "__module__": tests.__module__}
            yield f"{tests.__name__}{name.title()}", type(f"{tests.__name__}{name.title()}", (tests, unittest.TestCase), own)

    return lambda tests: dict(cases(tests))


def quiet(case, outcome, known=()):
    """A program that ended well and complained of nothing but `known` lines."""
    case.assertEqual(outcome.code, 0, outcome.complaints)
    lines = [line for line in outcome.complaints.splitlines() if not any(words in line for words in known)]
    case.assertEqual(lines, [])
