"""ffmpeg, old and new, plays HLS and DASH: every frame of every track, without a word."""

from .barcode import frame_numbers
from .fixture import on_films, quiet
from .programs import FFMPEGS, decode, ffprobe


class FfmpegPlays:
    """One film."""

    def streams(self, url):
        """What an address holds: kind by stream."""
        return {stream["index"]: stream["codec_type"] for stream in ffprobe(url)[1]["streams"]}

    def test_hls(self):
        kinds = self.streams(self.film.hls)
        for name, program in FFMPEGS.items():
            with self.subTest(name):
                outcome, frames = decode(program, self.film.hls)
                quiet(self, outcome)
                self.assertEqual(frames.keys(), kinds.keys())
                for stream, count in frames.items():
                    self.film.expect(self, kinds[stream], count)

    def test_dash(self):
        # One representation a run: the demuxer ends with the first one that ends.
        for stream, kind in self.streams(self.film.dash).items():
            for name, program in FFMPEGS.items():
                with self.subTest(name, stream=stream):
                    outcome, frames = decode(program, self.film.dash, f"0:{stream}")
                    quiet(self, outcome)
                    self.film.expect(self, kind, frames[0])


class FfmpegShows:
    """One film with pictures."""

    def test_every_frame_once_and_in_order(self):
        # By media playlist: of a presentation, ffmpeg drops what it was not asked for in the middle of a packet,
        # and complains of that.
        for track in (track for track in self.film.tracks if track.is_video):
            with self.subTest(track.name):
                (stream,) = ffprobe(track.url)[1]["streams"]
                seen = frame_numbers(FFMPEGS["ffmpeg 9"], track.url, stream["width"], stream["height"])
                self.assertEqual(seen, list(range(self.film.frames)))


globals().update(on_films("film", "ntsc", "silent", "music")(FfmpegPlays))
globals().update(on_films("film", "ntsc", "silent")(FfmpegShows))
