"""What starting and idling cost."""

import json
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import ours
from accounting import cpu_seconds, resident_mb
from tools import NEXUS

from peers.server import Server

IDLE_SECONDS = 5
# Kinds of frames between parent and child: crates/pipeline-wire/src/frame.rs.
SPEC, READY = 1, 65


@dataclass
class Idle:
    """One measurement per start, in the order they were made."""

    first_ready_ms: list
    ready_ms: list
    resident_mb: list
    idle_cpu_percent: list
    probe_child_ms: list
    video_child_ms: list


def started(data):
    """A server, and milliseconds from exec to the line that says it is ready."""
    before = time.monotonic()
    server = Server(data=data)
    return server, (time.monotonic() - before) * 1000


def idled(server):
    """Resident MB once nothing has happened for a while, and the share of a core used in that while."""
    ours.settled(server)
    before = cpu_seconds(server.pid)
    time.sleep(IDLE_SECONDS)
    return resident_mb(server.pid), (cpu_seconds(server.pid) - before) * 100 / IDLE_SECONDS


def spec(graph):
    """A graph as the server would ask for it; the child is ended before it reads anything."""
    source = {"bytes": 1 << 20}
    if graph == "probe":
        return {"graph": "probe", "source": source, "duration_max_ns": 10**15, "dimension_max": 8192}
    grid = {"fps_num": 25, "fps_den": 1, "origin_ns": 0, "clock": "raw"}
    rung = {"track": 0, "width": 1280, "height": 720, "crf": 23.0, "maxrate_kbps": 3270, "bufsize_kbit": 4905}
    rung |= {"preset": "veryfast", "level_idc": 31}
    slots = {"slot_first": 0, "slot_count": 150, "last": True, "gop_frames": 50}
    return {"graph": "video", "source": source, "grid": grid, "rungs": [rung]} | slots


def child_ready_ms(registry, graph):
    """Milliseconds from fork to the child's word that its door is closed, spoken to as the server does."""
    parent, child = socket.socketpair()
    environment = {"GST_REGISTRY": str(registry), "MALLOC_ARENA_MAX": "2"}
    environment |= {"GST_REGISTRY_UPDATE": "no", "GST_REGISTRY_FORK": "no"}
    payload = json.dumps(spec(graph)).encode()
    before = time.monotonic()
    process = subprocess.Popen([NEXUS, "pipeline"], stdin=child, stderr=subprocess.PIPE, env=environment)
    child.close()
    try:
        parent.sendall(struct.pack(">IB", len(payload), SPEC) + payload)
        header = parent.recv(5, socket.MSG_WAITALL)
        took = (time.monotonic() - before) * 1000
        if len(header) < 5 or header[4] != READY:
            raise RuntimeError(f"no {graph} child is ready: {process.communicate()[1].decode()}")
        return took
    finally:
        parent.close()
        process.kill()
        process.communicate()


def measure(rounds):
    """Starts on an empty data folder and on a used one, idling, and children on a warm registry."""
    idle = Idle([], [], [], [], [], [])
    for _ in range(rounds):
        data = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
        try:
            one_start(idle, data)
        finally:
            shutil.rmtree(data, ignore_errors=True)
    return idle


def one_start(idle, data):
    """One round of everything."""
    server, took = started(data)
    with server:
        idle.first_ready_ms.append(took)
        ours.settled(server)
    server, took = started(data)
    with server:
        idle.ready_ms.append(took)
        resident, cpu = idled(server)
        idle.resident_mb.append(resident)
        idle.idle_cpu_percent.append(cpu)
        registry = (data / "gst-registry.bin").resolve()
        idle.probe_child_ms.append(child_ready_ms(registry, "probe"))
        idle.video_child_ms.append(child_ready_ms(registry, "video"))
