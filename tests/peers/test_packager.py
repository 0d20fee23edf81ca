"""Shaka Packager takes our segments and whole tracks and packages them anew without a word."""

from .fixture import folder, on_films, quiet
from .programs import ffprobe, packager


class PackagerTakes:
    """One film."""

    def repackaged(self, source, kind):
        """The packets of what Shaka Packager makes of a file."""
        out = folder(self) / f"{source.stem}.mp4"
        quiet(self, packager(source, kind, out))
        outcome, found = ffprobe(out)
        quiet(self, outcome)
        return len(found["packets"])

    def test_segments(self):
        for track in self.film.tracks:
            for segment in track.segments:
                with self.subTest(segment.name):
                    self.assertEqual(self.repackaged(segment, track.kind), len(ffprobe(segment)[1]["packets"]))

    def test_whole_tracks(self):
        for track in self.film.tracks:
            with self.subTest(track.name):
                self.film.expect(self, track.kind, self.repackaged(track.whole, track.kind))


globals().update(on_films("film", "ntsc", "silent", "music")(PackagerTakes))
