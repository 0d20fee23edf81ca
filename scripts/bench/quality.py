"""VMAF of a rung as a viewer sees it: enlarged to the source's size and held against the untouched source.

The source stays untouched so that no scaler's taste enters the reference.
"""

import json
import os
import subprocess

from tools import FFMPEG, WORK

# What most players' renderers do, more or less.
ENLARGE = "bicubic"
# Both are taken for the same colours: ffmpeg would convert one whose tags differ from the other's.
SAME_COLOURS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def vmaf(rung, film, width, height):
    """The mean over all frames, 0 to 100."""
    report = WORK / "vmaf.json"
    size = f"{SAME_COLOURS},scale={width}:{height}:flags={ENLARGE},setsar=1,format=yuv420p"
    threads = os.cpu_count()
    # Frames are paired by number: both sides show every frame of the film once.
    graph = (
        f"[0:v]{size},setpts=N/TB/25[seen];[1:v]{SAME_COLOURS},format=yuv420p,setsar=1,setpts=N/TB/25[source];"
        f"[seen][source]libvmaf=n_threads={threads}:log_fmt=json:log_path={report}"
    )
    inputs = ["-i", str(rung.file), "-i", str(film), "-filter_complex", graph, "-f", "null", "-"]
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", *inputs], check=True)
    found = json.loads(report.read_text())
    assert len(found["frames"]) == rung.frames, f"{rung.file}: not every frame was judged"
    return found["pooled_metrics"]["vmaf"]["mean"]
