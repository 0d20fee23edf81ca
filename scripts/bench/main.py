"""Measures our transcode beside ffmpeg's, and what starting and idling cost; writes docs/BENCHMARKS.md.

NEXUS_BENCH_ROUNDS says how many alternated runs each side has, NEXUS_BENCH_FILM names a film to use instead of
our own and NEXUS_BENCH_TITLE what the report calls it. The report may be given another path as argument.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import film
import idle
import ours
import peer
import quality
import report
import sei
from tools import ROOT, WORK, fail, probe, say

ROUNDS = 5


@dataclass
class Bench:
    """Everything that was measured."""

    film: str
    rounds: int
    # The run that was watched for its stages, which is not among those measured.
    watched: object
    ours: list
    peer: list
    # One line a rung for each x264 option in which the two sides differ.
    differences: list
    idle: idle.Idle


def source_size(path):
    """Width and height of a film's pictures."""
    stream = next(stream for stream in probe(path)["streams"] if stream["codec_type"] == "video")
    return stream["width"], stream["height"]


def judged(ladder, path, size, known):
    """Fills in the VMAF of a ladder's rungs. A file with the bytes of one that was judged is not judged again."""
    for rung in ladder.rungs:
        seen = film.digest(rung.file)
        if seen not in known:
            say(f"VMAF of {rung.file.parent.name} {rung.height}")
            known[seen] = quality.vmaf(rung, path, *size)
        rung.vmaf = known[seen]
    return ladder


def alternated(path, size, preset, watched, rounds):
    """Runs of both sides by turns; each goes first every other time."""
    mine, theirs, known = [], [], {}
    sides = {
        "ours": lambda: mine.append(judged(ours.run(path), path, size, known)),
        "ffmpeg": lambda: theirs.append(judged(peer.run(path, watched, size[1], preset), path, size, known)),
    }
    for round_ in range(rounds):
        for name in sorted(sides, reverse=round_ % 2 == 0):
            say(f"round {round_ + 1} of {rounds}: {name}")
            sides[name]()
    return mine, theirs


def same_work(mine, theirs):
    """What the two sides' x264 options differ in; fails where they did not encode the same pictures."""
    found = []
    for one, other in zip(mine.rungs, theirs.rungs, strict=True):
        if (one.width, one.height, one.frames) != (other.width, other.height, other.frames):
            fail(f"not the same rungs: {one} against {other}")
        found += [f"{one.height}: {line}" for line in sei.differences(one.x264, other.x264)]
    return found


def measured():
    """Everything."""
    rounds = int(os.environ.get("NEXUS_BENCH_ROUNDS", ROUNDS))
    path, title = film.film(WORK)
    size = source_size(path)
    say("one run of ours to warm up, watched for what each stage costs")
    watched = ours.run(path, watch_stages=True)
    mine, theirs = alternated(path, size, ours.preset(), watched, rounds)
    say("starting and idling")
    found = idle.measure(rounds)
    return Bench(title, rounds, watched, mine, theirs, same_work(mine[-1], theirs[-1]), found)


def main():
    """The benchmark."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "BENCHMARKS.md"
    bench = measured()
    out.write_text(report.text(bench))
    print(report.summary(bench))
    say(f"written: {out}")


if __name__ == "__main__":
    main()
