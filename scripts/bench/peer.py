"""The peer: one ffmpeg command that makes the same rungs as an HLS ladder of fragmented MP4."""

import os
import shutil
import subprocess

from accounting import Meter
from ladder import Ladder, joined, rung
from tools import FFMPEG, WORK

SEGMENT_SECONDS = 6
LANCZOS = "lanczos"
BICUBIC = "bicubic"


def cascade(rungs, source_height, kernel):
    """Each rung scaled from the one above it, as ours are."""
    chains, above, above_height = [], "0:v:0", source_height
    for index, rung in enumerate(rungs):
        scale = f"scale={rung.width}:{rung.height}:flags={kernel}" if rung.height != above_height else "null"
        last = index == len(rungs) - 1
        outputs = f"[v{index}]" if last else f"[v{index}][next{index}]"
        chains.append(f"[{above}]{scale},setsar=1{'' if last else ',split'}{outputs}")
        above, above_height = f"next{index}", rung.height
    return ";".join(chains)


def encoder(index, rung, preset):
    """x264 as our SEI says it was; rate control, GOP and threads are what a preset does not set."""
    ours = rung.x264.options
    stream = f":v:{index}"
    x264 = f"scenecut={ours['scenecut']}:open-gop={ours['open_gop']}:threads={ours['threads']}"
    options = {
        "-c": "libx264",
        "-preset": preset,
        "-crf": ours["crf"],
        "-maxrate": f"{ours['vbv_maxrate']}k",
        "-bufsize": f"{ours['vbv_bufsize']}k",
        "-g": ours["keyint"],
        "-keyint_min": ours["keyint"],
        "-profile": rung.profile.lower(),
        "-level": str(rung.level / 10),
        "-x264-params": x264,
    }
    return [word for name, value in options.items() for word in (name + stream, value)]


def command(film, ours, source_height, preset, kernel, threads):
    """The whole command. `threads`: of decoder and filters; None leaves them to ffmpeg."""
    limit = ["-threads", str(threads)] if threads else []
    filters = ["-filter_complex_threads", str(threads)] if threads else []
    graph = cascade(ours.rungs, source_height, kernel)
    words = [FFMPEG, "-v", "error", "-nostdin", "-y", *limit, "-i", str(film), *filters, "-filter_complex", graph]
    for index, rung in enumerate(ours.rungs):
        words += ["-map", f"[v{index}]", *encoder(index, rung, preset)]
    names = [f"v:{index},name:{rung.height}" for index, rung in enumerate(ours.rungs)]
    if ours.audio_bytes:
        words += ["-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]
        names = [f"{name},agroup:audio" for name in names] + ["a:0,agroup:audio,name:audio"]
    words += ["-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod"]
    words += ["-hls_segment_type", "fmp4", "-hls_flags", "independent_segments"]
    words += ["-var_stream_map", " ".join(names), "-master_pl_name", "main.m3u8"]
    return [*words, "-hls_segment_filename", "%v/%05d.m4s", "%v/index.m3u8"]


def run(film, ours, source_height, preset, kernel=LANCZOS, threads=1):
    """One run after which the ladder lies on disk."""
    folder = WORK / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = command(film, ours, source_height, preset, kernel, threads)
    meter = Meter()
    process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the peer failed with {os.waitstatus_to_exitcode(status)}: {' '.join(words)}")
    cost = meter.cost(usage.ru_utime + usage.ru_stime)
    rungs = [rung(files(folder / str(one.height)), folder / f"video-{one.height}.mp4") for one in ours.rungs]
    audio = joined(files(folder / "audio"), folder / "audio-0.mp4") if ours.audio_bytes else 0
    return Ladder(cost, rungs, audio)


def files(folder):
    """A track's header and segments, in order."""
    return [next(folder.glob("*.mp4")), *sorted(folder.glob("*.m4s"))]
