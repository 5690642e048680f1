"""What a process and everything below it used: CPU seconds and peak memory, read from /proc while it runs (Linux)."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

EVERY = 0.05
"""Seconds between two looks; a process that lives shorter is missed."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Watched:
    """A running command and what was seen of it: CPU seconds and peak resident megabytes per process id."""

    process: subprocess.Popen[str]
    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[int, float] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all processes together."""
        return sum(self.cpu.values())

    @property
    def peak_mb(self) -> float:
        """Peak resident memory of the largest process, in megabytes of 1000 kB."""
        return max(self.peak.values(), default=0.0)

    @classmethod
    def run(cls, command: list[str], *, cwd: Path) -> tuple[Self, str]:
        """Run a command to its end and return what was seen of it and its standard output."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)
        watched = cls(process)
        ended = threading.Event()
        watcher = threading.Thread(target=watched._watch, args=(ended,))
        watcher.start()
        output, errors = process.communicate()
        ended.set()
        watcher.join()
        if process.returncode:
            raise SystemExit(errors[-3000:])
        return watched, output

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(EVERY):
            for pid in self._family():
                self._look(pid)

    def _family(self) -> list[int]:
        """Return the process and its descendants, also those of a fork server."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError, ValueError):
                    continue
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def _look(self, pid: int) -> None:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        self.cpu[pid] = (int(fields[11]) + int(fields[12])) / _TICK
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak[pid] = max(self.peak.get(pid, 0.0), int(line.split()[1]) / 1000)
