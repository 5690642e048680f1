"""Who works on a frontier: a row per process, by which the living tell that another is dead and its leases are free.

A process on this machine is looked up by its id and its start (ids are used again); one on another machine is taken for dead
when it has not renewed its row for twice the time of a lease.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from acquisition.crawl.frontier.database import Database


@dataclass(frozen=True, slots=True)
class Identity:
    """This process, so that others can find out whether it still lives.

    `machine` is the host name with the namespace that process ids belong to, `boot` changes with every start of the machine,
    `born` with every process that gets the same id. Where the system does not tell, they are "".
    """

    machine: str
    boot: str
    pid: int
    born: str


def identity() -> Identity:
    """Return who we are."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    pid = os.getpid()
    return Identity(f"{socket.gethostname()} {space}".strip(), _read("/proc/sys/kernel/random/boot_id"), pid, _born(pid))


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _born(pid: int) -> str:
    """Return the start of a process in clock ticks since boot (proc(5), field 22 of stat), "" when unknown."""
    after_name = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return after_name[19] if len(after_name) > 19 else ""


def is_dead(other: Identity, us: Identity) -> bool:
    """Say whether a process is certainly gone; False also when there is no telling from here."""
    if other.machine != us.machine:
        return False
    if other.boot != us.boot:
        return True
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's; whether it is the one that we mean, its start tells
    return _born(other.pid) != other.born


class Owners:
    """The rows of processes, as one process reads and writes them."""

    def __init__(self, database: Database, us: Identity) -> None:
        self._db, self._us = database, us

    def join(self, owner: str, now: float) -> int:
        """Write a row of our own and return its id."""
        us = self._us
        sql = "INSERT INTO process (owner, machine, boot, pid, born, seen) VALUES (?,?,?,?,?,?) RETURNING id"
        return int(self._db.rows(sql, (owner, us.machine, us.boot, us.pid, us.born, now))[0][0])

    def alive(self, holder: int, now: float) -> None:
        """Say that we live."""
        self._db.rows("UPDATE process SET seen=?, gone=0 WHERE id=?", (now, holder))

    def part(self, holder: int) -> None:
        """Say that we are done."""
        self._db.rows("UPDATE process SET gone=1 WHERE id=?", (holder,))

    def bury(self, unheard_since: float) -> list[int]:
        """Mark the processes that are gone and return their ids; a second call does not return them again."""
        rows = self._db.rows("SELECT id, machine, boot, pid, born, seen FROM process WHERE gone=0")
        gone = [row[0] for row in rows if row[5] < unheard_since or is_dead(Identity(*row[1:5]), self._us)]
        self._db.many("UPDATE process SET gone=1 WHERE id=?", [(id_,) for id_ in gone])
        return gone
