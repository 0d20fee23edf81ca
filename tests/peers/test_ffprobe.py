"""ffprobe reads every header, segment and playlist without a word."""

from .fixture import folder, on_films, quiet, server
from .presentation import key_pictures
from .programs import ffprobe, run

# A header holds no picture, and ffprobe takes the pixel format from the first one.
HEADER_ALONE = ("unspecified pixel format", "Consider increasing the value for the 'analyzeduration'")
# The range of a key picture ends behind it, while its fragment's header counts the whole fragment.
KEY_PICTURE_ALONE = ("partial file",)


class FfprobeReads:
    """One film."""

    def test_headers(self):
        for track in self.film.tracks:
            with self.subTest(track.name):
                outcome, found = ffprobe(track.header)
                quiet(self, outcome, HEADER_ALONE if track.is_video else ())
                self.assertEqual([stream["codec_type"] for stream in found["streams"]], [track.kind])
                self.assertEqual(found["packets"], [])

    def test_segments(self):
        for track in self.film.tracks:
            packets = 0
            for segment in track.segments:
                with self.subTest(segment.name):
                    outcome, found = ffprobe(segment)
                    quiet(self, outcome)
                    self.assertIn("K", found["packets"][0]["flags"])
                    packets += len(found["packets"])
            self.film.expect(self, track.kind, packets)

    def test_media_playlists(self):
        for track in self.film.tracks:
            with self.subTest(track.name):
                outcome, found = ffprobe(track.url)
                quiet(self, outcome)
                self.assertEqual([stream["codec_type"] for stream in found["streams"]], [track.kind])
                self.film.expect(self, track.kind, len(found["packets"]))

    def test_multivariant_playlist(self):
        outcome, found = ffprobe(self.film.hls)
        quiet(self, outcome)
        self.assertEqual(len(found["streams"]), len(self.film.tracks))
        for stream in found["streams"]:
            own = [packet for packet in found["packets"] if packet["stream_index"] == stream["index"]]
            self.film.expect(self, stream["codec_type"], len(own))

    def test_mpd(self):
        # The demuxer ends with the first representation that ends, so packets are not counted here.
        outcome, found = ffprobe(self.film.dash)
        quiet(self, outcome)
        self.assertEqual(len(found["streams"]), len(self.film.tracks))


class FfmpegDecodesKeyPictures:
    """One film with pictures."""

    def test_every_range_of_the_iframe_playlists_is_a_picture(self):
        pictures = key_pictures(server(), self.film.hls, folder(self))
        self.assertGreater(len(pictures), 0)
        for picture in pictures:
            with self.subTest(picture.name):
                decoded = run("ffmpeg", "-v", "warning", "-nostdin", "-i", picture, "-frames:v", "1", "-f", "framecrc", "-")
                quiet(self, decoded, KEY_PICTURE_ALONE)
                self.assertEqual(decoded.out.count("\n0,"), 1)


globals().update(on_films("film", "ntsc", "silent", "music")(FfprobeReads))
globals().update(on_films("film", "ntsc", "silent")(FfmpegDecodesKeyPictures))
