"""Reads the frame numbers out of pictures of fixture films; crates/media/src/barcode.rs documents the layout."""

import binascii
import subprocess

from .server import PATIENCE

COLUMNS, ROWS = 48, 24
CODE_COLUMNS, CODE_ROWS = 32, 3
WHITE_MIN = 126


def _middle(index, count, size):
    start, end = index * size // count, (index + 1) * size // count
    margin = (end - start) // 4
    return start + margin, end - margin


def _is_white(luma, width, height, row, column):
    (x0, x1), (y0, y1) = _middle(column, COLUMNS, width), _middle(row, ROWS, height)
    cells = [luma[y * width + x] for y in range(y0, y1) for x in range(x0, x1)]
    return sum(cells) >= WHITE_MIN * len(cells)


def frame_number(luma, width, height):
    """The number of the frame whose luma begins with `luma`; None when no barcode is readable."""
    code = 0
    for row in range(CODE_ROWS):
        for column in range(CODE_COLUMNS):
            code = code << 1 | _is_white(luma, width, height, row, column)
    octets = code.to_bytes(12, "big")
    # crc_hqx is CRC-16 with polynomial 0x1021, as the layout asks for.
    return int.from_bytes(octets[:4], "big") if binascii.crc_hqx(octets[:10], 0xFFFF) == code & 0xFFFF else None


def frame_numbers(ffmpeg, source, width, height):
    """The numbers of all pictures of a track, in the order in which ffmpeg shows them; it may not complain."""
    rows = height * CODE_ROWS // ROWS
    top = f"format=gray,crop={width}:{rows}:0:0:exact=1"
    command = [ffmpeg, "-v", "warning", "-nostdin", "-i", str(source), "-vf", top]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    if done.stderr:
        raise RuntimeError(done.stderr.decode())
    pictures = done.stdout
    size = width * rows
    starts = range(0, len(pictures), size)
    return [frame_number(pictures[start : start + size], width, height) for start in starts]
