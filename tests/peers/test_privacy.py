"""A private film plays in programs of others with a token in its address, and without one it is not there."""

import unittest
import urllib.error

from .fixture import quiet, server
from .programs import FFMPEGS, check, decode, ffprobe, run


class Private(unittest.TestCase):
    """One small private film."""

    FRAMES = 50

    @classmethod
    def setUpClass(cls):
        film = server().film("private.mp4", 2, "--size", "320x180")
        line = server().upload(film, "--wait", "--visibility", "private")
        cls.asset, cls.bare = line["asset"], f"{server().url}/media/{line['asset']}/hls.m3u8"
        cls.token = server().json(f"/api/v1/assets/{cls.asset}/token", "POST", {})

    def test_without_a_token_nothing_is_there(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            server().get(self.bare)
        self.assertEqual(refused.exception.code, 404)
        probed = run("ffprobe", "-v", "error", self.bare)
        self.assertNotEqual(probed.code, 0)
        self.assertIn("404", probed.complaints)

    def test_with_a_token_ffmpeg_plays(self):
        for name, program in FFMPEGS.items():
            for kind, maps in (("hls", "0"), ("dash", "0:v:0")):
                with self.subTest(name, kind=kind):
                    outcome, frames = decode(program, self.token[kind], maps)
                    quiet(self, outcome)
                    self.assertIn(self.FRAMES, frames.values())

    def test_with_a_token_ffprobe_reads(self):
        outcome, found = ffprobe(self.token["hls"])
        quiet(self, outcome)
        self.assertEqual({stream["codec_type"] for stream in found["streams"]}, {"video", "audio"})

    def test_with_a_token_nothing_is_wrong(self):
        outcome, report = check(self.token["hls"])
        quiet(self, outcome)
        self.assertEqual(report["findings"], [])
