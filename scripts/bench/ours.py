"""Our side: a film goes through a server's upload, and the ladder is taken from its store."""

import re
import subprocess
import time
import tomllib

from accounting import Meter, Stages, cpu_seconds
from ladder import Ladder, joined, rung
from tools import NEXUS, WORK, fail

from peers.server import ENVIRONMENT, Server

POLL = 0.25


def settled(server):
    """Waits until the sandbox has been inspected: the last thing that a start does."""
    while "sandbox" not in (states := {part["name"]: part["state"] for part in server.health()["components"]}):
        time.sleep(POLL)
    if states["sandbox"] == "down":
        fail(f"the sandbox does not work:\n{server.log()}")


def graphs_started(server):
    """How many children the server has started, by graph."""
    text = server.get("/metrics", server.owner).decode()
    found = re.findall(r'nexus_pipeline_children_started_total\{graph="(\w+)"\} (\d+)', text)
    return {graph: int(count) for graph, count in found}


def ready(server, asset):
    """Waits until a film is ready; it then."""
    shown = server.settled(asset)
    if shown["state"] == "failed":
        fail(f"our side failed: {shown['reason']}\n{server.log()}")
    return shown


def run(film, watch_stages=False):
    """One run. The cost is what server and children use from before the upload until the film is ready; the
    wall time begins when the upload is complete."""
    with Server() as server:
        settled(server)
        stages = Stages(server.pid, lambda: graphs_started(server)) if watch_stages else None
        meter, before = Meter(), cpu_seconds(server.pid)
        asset = server.upload(film)["asset"]
        uploaded = time.time()
        shown = ready(server, asset)
        cost = meter.cost(cpu_seconds(server.pid) - before, shown["updated_ms"] / 1000 - uploaded)
        parts = stages.end() if stages else {}
        parts["server"] = cost.cpu - sum(parts.values())
        return made(server.data / "store" / "objects" / "assets" / asset / "v1", cost, parts)


def preset():
    """The x264 preset in force, as `nexus config` prints it."""
    text = subprocess.run([NEXUS, "config"], check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout
    return tomllib.loads(text)["transcode"]["preset"]


def made(folder, cost, stages):
    """The ladder that lies in a version's folder."""
    files = lambda track: [next(track.glob("init.*")), *sorted(track.glob("*.m4s"))]
    tracks = sorted(folder.glob("video-*"), key=lambda track: -int(track.name.rpartition("-")[2]))
    rungs = [rung(files(track), WORK / "ours" / f"{track.name}.mp4") for track in tracks]
    audio = sum(joined(files(track), WORK / "ours" / f"{track.name}.mp4") for track in folder.glob("audio-*"))
    return Ladder(cost, rungs, audio, stages)
