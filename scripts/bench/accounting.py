"""What a process and its children cost, from /proc (proc(5)): the same figures that wait4 gives for a program that ends."""

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat behind the program's name; None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_seconds(pid, reaped=True):
    """User and system seconds of a process and, with `reaped`, of all its children that have ended."""
    fields = _stat(pid)
    # utime, stime, cutime and cstime are fields 14 to 17; two stand before the part that was split off.
    return sum(int(ticks) for ticks in fields[11 : 15 if reaped else 13]) / TICKS if fields else 0.0


def children(pid):
    """The process ids of a process's children."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += (task / "children").read_text().split()
        except FileNotFoundError:
            continue
    return [int(child) for child in found]


def resident_mb(pid):
    """Resident memory of one process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no VmRSS of process {pid}")


def machine_busy_seconds():
    """CPU seconds that all processes of the machine together have used since boot."""
    user, nice, system = Path("/proc/stat").read_text().split(None, 4)[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


@dataclass
class Cost:
    """What a run took."""

    cpu: float
    wall: float
    # Share of the machine's CPU time that others used meanwhile, 0 to 1.
    disturbed: float


class Meter:
    """Wall time and the machine's other load while something is measured."""

    def __init__(self):
        self.start, self.busy = time.monotonic(), machine_busy_seconds()

    def cost(self, cpu, wall=None):
        """The cost of a run that used `cpu` seconds; it took until now unless `wall` seconds are given."""
        elapsed = time.monotonic() - self.start
        others = max(0.0, machine_busy_seconds() - self.busy - cpu)
        return Cost(cpu, wall or elapsed, others / (elapsed * os.cpu_count()))


class Stages:
    """Watches a server's children: how long each lived and what it used, by the graph it ran."""

    EVERY = 0.01

    def __init__(self, pid, graphs_started):
        self.pid, self.graphs_started = pid, graphs_started
        # Graph and CPU seconds by child; graphs that were counted and are not yet some child's.
        self.seen, self.cost, self.counted = {}, {}, []
        self.before = graphs_started()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(self.EVERY):
            for child in children(self.pid):
                if not self.seen.get(child):
                    self.seen[child] = self._graph()
                self.cost[child] = max(cpu_seconds(child, reaped=False), self.cost.get(child, 0.0))

    def _graph(self):
        """The graph of a new child; None when the server has not counted it yet, as it does soon after the fork."""
        now = self.graphs_started()
        for graph, count in now.items():
            self.counted += [graph] * (count - self.before.get(graph, 0))
        self.before = now
        return self.counted.pop(0) if self.counted else None

    def end(self):
        """CPU seconds by graph."""
        self.over.set()
        self.thread.join()
        total = defaultdict(float)
        for child, graph in self.seen.items():
            total[graph or "other"] += self.cost[child]
        return dict(total)
