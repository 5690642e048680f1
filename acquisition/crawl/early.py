"""Starts a list's scribe before the crawling process has imported anything, so that both import side by side.

A scribe opens nothing until it is told what the run is, and ends when the other end of its socket closes; so one that nobody
claims ends with the process that began it, however that ends.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Scribe:
    """A scribe's process and our end of its socket."""

    process: subprocess.Popen[bytes]
    socket: socket.socket


_WAITING: Final[dict[Path, Scribe]] = {}


def pays(*, is_list: bool, looks_back: bool) -> bool:
    """Say whether a scribe of its own helps: a list, a second core, and no earlier run to compare with or to replay."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return is_list and not looks_back and cores > 1


def begin(job_file: Path) -> None:
    """Start the scribe of a job that will want one; a job that cannot be read is named by whoever loads it."""
    try:
        job = json.loads(job_file.read_bytes())
        wanted = pays(is_list=not job["spider"], looks_back=bool(job["earlier"] or job["replay"]))
    except (OSError, ValueError, KeyError, TypeError):
        return
    if wanted:
        _WAITING[job_file] = start(job_file)


def claimed(job_file: Path) -> Scribe:
    """Return the scribe of a job: the one that was begun, else a new one."""
    return _WAITING.pop(job_file, None) or start(job_file)


def start(job_file: Path) -> Scribe:
    """Start a scribe. Its output goes where errors go: our standard output may be a pipe that speaks of events."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-P", "-m", "acquisition.crawl.listing.scribe", str(theirs.fileno()), str(job_file)]
        try:
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=2)  # noqa: S603  # ours
        except BaseException:
            ours.close()
            raise
    return Scribe(process, ours)
