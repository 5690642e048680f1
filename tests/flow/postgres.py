"""A PostgreSQL of our own for the time of a test session, in a directory that is removed again."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server on loopback that asks for a password."""

    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://acquisition:{self.password}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        name = f"d{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def programs() -> Path:
    """Return the folder of initdb and postgres, skipping the test where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and (path := shutil.which("initdb")):
        found = [Path(path)]
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    return found[-1].parent


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server that ends with this process at the latest, and remove everything at the end."""
    folder = programs()
    home = Path(tempfile.mkdtemp(prefix="acquisition-postgres-"))
    try:
        made = Cluster(_free_port(), secrets.token_urlsafe(16))
        (home / "password").write_text(made.password)
        if os.geteuid() == 0:  # initdb and postgres refuse to be root
            for path in (home, home / "password"):
                shutil.chown(path, "postgres", "postgres")
        make = [folder / "initdb", "-D", home / "data", "-U", "acquisition", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
        _run([*map(str, make), "--locale=C", f"--pwfile={home / 'password'}"])
        with _serving(folder, home, made):
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _user() -> dict[str, str | list[str]]:
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_user())  # type: ignore[call-overload]  # who runs it depends on who we are
    if done.returncode:
        pytest.skip(f"initdb does not work here: {done.stderr.strip()[-300:]}")


@contextmanager
def _serving(folder: Path, home: Path, made: Cluster) -> Iterator[None]:
    options = {
        "listen_addresses": "127.0.0.1",
        "port": made.port,
        "fsync": "off",
        "max_connections": 40,
        "shared_buffers": "32MB",
    }
    command = [str(folder / "postgres"), "-D", str(home / "data"), "-k", str(home)]
    command += [f"--{name}={value}" for name, value in options.items()]
    if guard := shutil.which("setpriv"):  # so that a killed test session leaves no server behind
        change = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [guard, *change, "--pdeathsig=SIGQUIT", *command]
    with (home / "log").open("wb") as log:
        user = {} if guard else _user()
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **user)  # type: ignore[call-overload]  # as above
    try:
        _wait(made, server, home / "log")
        yield
    finally:
        server.send_signal(signal.SIGINT)  # ends sessions that are still open
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(made: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(made.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()[-1_000:]
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        else:
            return
