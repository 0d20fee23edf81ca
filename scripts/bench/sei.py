"""x264's options, which it writes into the first picture of a stream as an unregistered user data SEI message
(Rec. ITU-T H.264, D.1.7)."""

import re
from dataclasses import dataclass

LOOK_BYTES = 256 << 10


@dataclass
class Options:
    """What x264 says about itself."""

    core: str
    options: dict


def read(path):
    """The options in the first picture of a file."""
    with path.open("rb") as file:
        start = file.read(LOOK_BYTES)
    found = re.search(rb"x264 - core (\d+[^-]*?) - H\.264.*? - options: ([^\0\x80]*)", start)
    if not found:
        raise RuntimeError(f"{path}: no x264 options in the first picture")
    core, options = found[1].decode(), found[2].decode()
    return Options(core, dict(option.split("=", 1) for option in options.split()))


def differences(ours, theirs):
    """One line for each option that is not the same."""
    names = sorted(ours.options.keys() | theirs.options.keys())
    pairs = ((name, ours.options.get(name, "absent"), theirs.options.get(name, "absent")) for name in names)
    return [f"{name}: {one} against {other}" for name, one, other in pairs if one != other]
