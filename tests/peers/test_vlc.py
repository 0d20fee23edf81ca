"""VLC plays HLS to its end: pictures and sound that it decoded and put out prove it."""

import re
import wave

from .barcode import frame_numbers
from .fixture import folder, on_films
from .programs import ffprobe, vlc

# Every so many frames, VLC keeps a picture of what it shows.
EVERY = 10
# VLC leaves away at most the encoder's delay.
SOUND_SLACK_SECONDS = 0.1
# Parts of VLC that would speak of our bytes; what else it says is about a machine without a desktop.
ABOUT_US = r"(?:demux|decoder|stream|access|packetizer|adaptive|http)\w* error: .*"
SOUND = ("--aout", "afile", "--audiofile-file", "sound.wav")
PICTURES = ("--vout", "dummy", "--no-drop-late-frames", "--no-skip-frames", "--video-filter", "scene")
SCENE = ("--scene-format", "png", "--scene-path", ".", "--scene-ratio", str(EVERY))


class Vlc:
    """One film."""

    def play(self, *flags):
        """Plays the film; the folder that holds what VLC put out."""
        home = folder(self)
        outcome = vlc(*SOUND, *flags, self.film.hls, home=home)
        self.assertEqual(outcome.code, 0, outcome.complaints)
        self.assertEqual(re.findall(ABOUT_US, outcome.complaints), [])
        return home

    def heard_all(self, home):
        """Whether the sound that was put out is as long as the film's."""
        # The header is only right when VLC closed the file, that is, ended in good order.
        with wave.open(str(home / "sound.wav")) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            self.assertAlmostEqual(seconds, self.film.sound_seconds, delta=SOUND_SLACK_SECONDS)


class VlcShows(Vlc):
    """One film with pictures and sound."""

    def test_pictures_and_sound_to_the_end(self):
        home = self.play(*PICTURES, *SCENE)
        self.heard_all(home)
        pictures = sorted(home.glob("scene*.png"), key=lambda picture: picture.stat().st_mtime_ns)
        seen = [self.number(picture) for picture in pictures]
        self.assertEqual(seen, sorted(set(seen)))
        self.assertLess(seen[0], EVERY)
        self.assertGreaterEqual(seen[-1], self.film.frames - EVERY)
        self.assertGreaterEqual(len(seen), self.film.frames // EVERY)

    def number(self, picture):
        """The number of the frame in a file."""
        (stream,) = ffprobe(picture)[1]["streams"]
        (number,) = frame_numbers("ffmpeg", picture, stream["width"], stream["height"])
        return number


class VlcPlays(Vlc):
    """Sound alone."""

    def test_sound_to_the_end(self):
        self.heard_all(self.play())


globals().update(on_films("film", "ntsc")(VlcShows))
globals().update(on_films("music")(VlcPlays))
