"""What both sides make: one ladder, described by what our own encoder wrote into its pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import sei
from accounting import Cost
from tools import probe


@dataclass
class Rung:
    """One rung as it lies on disk: header and segments joined into one file."""

    height: int
    width: int
    file: Path
    # Bytes of header and all segments.
    bytes: int
    # x264's options, from its SEI message.
    x264: sei.Options
    profile: str
    level: int
    frames: int
    # The mean over all frames, once it was judged.
    vmaf: float = 0.0


@dataclass
class Ladder:
    """What one run made, and its cost."""

    cost: Cost
    rungs: list
    audio_bytes: int
    # CPU seconds by stage, where they were watched.
    stages: dict = field(default_factory=dict)

    @property
    def video_bytes(self):
        """Bytes of all rungs."""
        return sum(rung.bytes for rung in self.rungs)


def joined(parts, out):
    """Writes header and segments behind each other; how many bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as whole:
        return sum(whole.write(part.read_bytes()) for part in parts)


def rung(parts, out):
    """A rung out of its header and segments."""
    size = joined(parts, out)
    (stream,) = probe(out, "-count_packets")["streams"]
    return Rung(
        height=stream["height"],
        width=stream["width"],
        file=out,
        bytes=size,
        x264=sei.read(out),
        profile=stream["profile"],
        level=stream["level"],
        frames=int(stream["nb_read_packets"]),
    )
