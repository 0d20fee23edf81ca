"""What was measured, as Markdown for docs/BENCHMARKS.md and as lines for a terminal."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import FFMPEG, median, spread

CPU_RATIO_MAX = 1.00
VMAF_BELOW_MAX = 0.3
BYTES_ABOVE_MAX = 0.02
READY_MS_MAX = 300
RESIDENT_MB_MAX = 60
CHILD_MS_MAX = 300
# Above this share of the machine used by others, figures are not to be trusted.
DISTURBED_MAX = 0.03

METHOD = (Path(__file__).parent / "method.md").read_text()


@dataclass
class Target:
    """One promise and what came of it."""

    what: str
    limit: str
    found: str
    met: bool

    @property
    def word(self):
        """For people."""
        return "met" if self.met else "**not met**"


def of(runs, pick):
    """One figure of every run."""
    return [pick(run) for run in runs]


def cpu_ratio(bench):
    """Our median CPU seconds as a multiple of the peer's."""
    return median(of(bench.ours, lambda run: run.cost.cpu)) / median(of(bench.peer, lambda run: run.cost.cpu))


def rungs(bench):
    """For each rung: height, and medians of bytes and VMAF of both sides."""
    for index, rung in enumerate(bench.ours[0].rungs):
        sides = [[run.rungs[index] for run in side] for side in (bench.ours, bench.peer)]
        yield rung, [(median([one.bytes for one in side]), median([one.vmaf for one in side])) for side in sides], sides


def targets(bench):
    """All promises."""
    ratio, idle = cpu_ratio(bench), bench.idle
    below = max(theirs[1] - mine[1] for _, (mine, theirs), _ in rungs(bench))
    above = max(mine[0] / theirs[0] - 1 for _, (mine, theirs), _ in rungs(bench))
    ready, child = max(idle.ready_ms), max(idle.probe_child_ms + idle.video_child_ms)
    resident = max(idle.resident_mb)
    return [
        Target("CPU of a transcode against ffmpeg's", f"≤ {CPU_RATIO_MAX:.2f}×", f"{ratio:.2f}×", ratio <= CPU_RATIO_MAX),
        Target("VMAF below ffmpeg's, worst rung", f"≤ {VMAF_BELOW_MAX}", f"{below:+.2f}", below <= VMAF_BELOW_MAX),
        Target("bytes above ffmpeg's, worst rung", f"≤ {BYTES_ABOVE_MAX:.0%}", f"{above:+.2%}", above <= BYTES_ABOVE_MAX),
        Target("x264 options that differ", "0", str(len(bench.differences)), not bench.differences),
        Target("`nexus all` ready, slowest", f"< {READY_MS_MAX} ms", f"{ready:.0f} ms", ready < READY_MS_MAX),
        Target("`nexus all` resident, largest", f"< {RESIDENT_MB_MAX} MB", f"{resident:.1f} MB", resident < RESIDENT_MB_MAX),
        Target("pipeline child ready, slowest", f"< {CHILD_MS_MAX} ms", f"{child:.0f} ms", child < CHILD_MS_MAX),
    ]


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def figure(values, digits=2):
    """Median and spread."""
    return f"{median(values):.{digits}f} ({spread(values, digits)})"


def costs(bench):
    """CPU, wall and bytes of both sides."""
    picks = {
        "CPU seconds": (lambda run: run.cost.cpu, 2),
        "wall seconds": (lambda run: run.cost.wall, 2),
        "MB of video": (lambda run: run.video_bytes / 1e6, 3),
        "MB of sound": (lambda run: run.audio_bytes / 1e6, 3),
    }
    rows = []
    for name, (pick, digits) in picks.items():
        mine, theirs = of(bench.ours, pick), of(bench.peer, pick)
        ratio = f"{median(mine) / median(theirs):.3f}×" if median(theirs) else "none"
        rows.append([name, figure(mine, digits), figure(theirs, digits), ratio])
    return table(["median (least–greatest)", "Nexus", "ffmpeg", "ratio"], rows)


def qualities(bench):
    """Bytes and VMAF by rung."""
    rows = []
    for rung, ((size, _), (peer_size, _)), (mine, theirs) in rungs(bench):
        vmaf, peer_vmaf = [one.vmaf for one in mine], [one.vmaf for one in theirs]
        apart = median(vmaf) - median(peer_vmaf)
        sizes = [f"{size / 1e6:.3f}", f"{peer_size / 1e6:.3f}", f"{size / peer_size - 1:+.2%}"]
        rows.append([f"{rung.width}x{rung.height}", *sizes, figure(vmaf), figure(peer_vmaf), f"{apart:+.2f}"])
    return table(["rung", "MB, Nexus", "MB, ffmpeg", "apart", "VMAF, Nexus", "VMAF, ffmpeg", "apart"], rows)


def stages(bench):
    """Where our CPU time goes."""
    total = sum(bench.watched.stages.values())
    order = sorted(bench.watched.stages.items(), key=lambda stage: -stage[1])
    return table(["stage", "CPU seconds", "share"], [[name, f"{cpu:.2f}", f"{cpu / total:.1%}"] for name, cpu in order])


def idling(bench):
    """Starting and idling."""
    idle = bench.idle
    rows = [
        ["ready on an empty data folder, ms", figure(idle.first_ready_ms, 0)],
        ["ready on a used data folder, ms", figure(idle.ready_ms, 0)],
        ["resident, MB", figure(idle.resident_mb, 1)],
        ["CPU of one core while idle, %", figure(idle.idle_cpu_percent, 2)],
        ["probe child behind its door, ms", figure(idle.probe_child_ms, 0)],
        ["video child behind its door, ms", figure(idle.video_child_ms, 0)],
    ]
    return table(["starting and idling", "median (least–greatest)"], rows)


def machine():
    """One sentence about the machine and the programs."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    version = subprocess.run([FFMPEG, "-version"], check=True, capture_output=True, text=True).stdout.split()[2]
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    name = model[1] if model else platform.machine()
    return f"{os.cpu_count()} × {name}, {system}, Linux {platform.release().split('-')[0]}; peer: ffmpeg {version}"


def disturbance(bench):
    """How much others used the machine, and whether that is too much."""
    worst = max(run.cost.disturbed for run in (*bench.ours, *bench.peer))
    verdict = "Take these figures as a trial only." if worst > DISTURBED_MAX else "The machine was quiet."
    return f"Other programs used up to {worst:.1%} of the machine during a measured run. {verdict}"


def options(bench):
    """What both sides' encoders say about themselves."""
    mine, theirs = bench.ours[-1].rungs[0].x264, bench.peer[-1].rungs[0].x264
    said = f"x264 core {mine.core} here, core {theirs.core} there. The options of every rung are "
    if not bench.differences:
        words = " ".join(f"{name}={value}" for name, value in mine.options.items())
        return f"{said}the same; the first rung's:\n\n```\n{words}\n```"
    return f"{said}not the same:\n\n" + "\n".join(f"- {line}" for line in bench.differences)


def text(bench):
    """The whole page."""
    promises = [[one.what, one.limit, one.found, one.word] for one in targets(bench)]
    parts = {
        "film": bench.film,
        "rounds": bench.rounds,
        "machine": machine(),
        "disturbance": disturbance(bench),
        "targets": table(["target", "limit", "found", ""], promises),
        "costs": costs(bench),
        "qualities": qualities(bench),
        "options": options(bench),
        "stages": stages(bench),
        "idling": idling(bench),
    }
    return METHOD.format(**parts)


def summary(bench):
    """The targets, for a terminal."""
    lines = [f"{one.word.replace('*', ''):8} {one.what}: {one.found} ({one.limit})" for one in targets(bench)]
    return "\n".join([*lines, disturbance(bench)])
