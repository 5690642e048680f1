"""Runs a crawl in a process of its own and listens to it."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from acquisition.crawl.job import JOB_FILE, Job, job_of, load_job
from acquisition.crawl.outcome import RUN_FILE, CrawlRun, load_run
from acquisition.crawl.seeds import write_seeds
from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    DiskFull,
    PluginError,
    SourceForbidden,
    SourceUnavailable,
    UsageError,
    WorkspaceDamaged,
    WorkspaceError,
    WorkspaceLocked,
)
from acquisition.protocols import Reporter, Seed, Source
from acquisition.settings import ContactSettings
from acquisition.workspace import utc_now

LOG_FILE: Final = "crawl.log"
GRACE_SECONDS: Final = 10.0
"""After a stop, how long requests that are under way may still finish; nothing is lost when they do not."""
_POLL_SECONDS: Final = 0.1
_ENVIRONMENT: Final = frozenset(
    {"HOME", "LANG", "LANGUAGE", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "VIRTUAL_ENV"}
)
_ENVIRONMENT_PREFIXES: Final = ("LC_", "PYTHON", "COVERAGE_")
_TOLD: Final[tuple[type[AcquisitionError], ...]] = (
    *(DiskFull, WorkspaceDamaged, WorkspaceError, WorkspaceLocked),
    *(CredentialsRejected, SourceForbidden, SourceUnavailable),
    *(PluginError, UsageError),
)
"""What a crawler ends with: its files, a frontier on PostgreSQL, a spider or a declaration."""
_ERRORS: Final[Mapping[str, type[AcquisitionError]]] = {error.code: error for error in _TOLD}

Child: TypeAlias = tuple[subprocess.Popen[bytes], queue.Queue[bytes | None]]
"""The crawling process and the lines that it says; None is the last one."""


def run(
    source: Source,
    *,
    directory: Path,
    contact: ContactSettings | None,
    environment: Mapping[str, str],
    base: Path,
    reporter: Reporter,
    stop: threading.Event,
    resume: bool,
    seeds: Iterable[Seed] = (),
    signals: Mapping[str, str] | None = None,
    earlier: Sequence[Path] = (),
    replay: bool = False,
) -> CrawlRun:
    """Crawl a source into `directory` and return what came of it.

    With `resume`, a run that was killed or stopped goes on: what is archived is not fetched again, and a finished run is
    returned as it is. `base` is the folder of sources.yaml; of `environment` only what Python itself needs reaches the
    spider, so no credential does. `stop` ends the crawl cleanly; the result then says `finished=False`.

    `seeds` are the addresses to begin with beside the declared ones; they are read once, when the run begins. `signals` maps
    the mechanisms that are not honoured to record or ignore. `earlier` are the directories of runs before this one, oldest
    first: what they hold is asked for on condition that it has changed. With `replay` the last of them answers instead of the
    network, and nothing is sent.

    Raises NoContact before anything is sent, UsageError when the directory holds another run, PluginError when the spider
    cannot run, WorkspaceLocked when another crawler holds the directory.
    """
    job = job_of(source, directory=directory, base=base, contact=contact, signals=signals, earlier=earlier, replay=replay)
    if (done := _prepared(job, directory, resume=resume)) is not None:
        return done
    started = utc_now()
    secrets = {"frontier": getattr(source.settings, "frontier", None) or ""}
    with _child(job, environment) as child:  # it imports while the seeds are written, and waits for the secrets
        write_seeds(directory, seeds)
        reporter.event("crawl-started", source=source.name, run=directory.name)
        _confide(child[0], secrets)
        heard = _supervise(job, child, reporter, stop)
    outcome = load_run(directory) or _interrupted(directory, started, heard)
    counts = {"pages": outcome.pages, "items": outcome.items, "bytes": outcome.bytes}
    reporter.event("crawl-done", source=source.name, run=outcome.id, reason=outcome.finish_reason, **counts)
    return outcome


def _prepared(job: Job, directory: Path, *, resume: bool) -> CrawlRun | None:
    """Return the outcome when there is nothing left to do; else make the directory ready."""
    written = directory / JOB_FILE
    if written.exists():
        if not resume or load_job(written).digest != job.digest:
            raise UsageError(
                f"{directory.name} holds another run of this source",
                where=str(directory),
                hint="Start in a new directory, or resume with the settings that the run was started with.",
            )
        outcome = load_run(directory)
        if outcome is not None and outcome.finished:
            return outcome
        (directory / RUN_FILE).unlink(missing_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    job.save()
    return None


def _supervise(job: Job, child: Child, reporter: Reporter, stop: threading.Event) -> dict[str, Any]:
    """Hear the child to its end and return the last progress it told; raise the error it ended with."""
    process, lines = child
    log = Path(job.directory) / LOG_FILE
    progress: dict[str, Any] = {}
    error: AcquisitionError | None = None
    deadline = float("inf")
    while (line := _next_line(lines)) is not None:
        if stop.is_set() and deadline == float("inf"):
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
        if time.monotonic() > deadline:
            process.kill()
        event = _event(line)
        if event.get("event") == "progress":
            progress = {key: value for key, value in event.items() if key != "event"}
            reporter.event("crawl-progress", source=job.source, **progress)
        elif event.get("event") == "error":
            error = _error(event)
    code = process.wait()
    if error is not None:
        raise error
    if code and not stop.is_set():
        raise PluginError(
            f"the crawler ended with code {code}: {_last_line(log)}",
            where=str(log),
            hint="Run the same command again: it goes on where it ended.",
        )
    return progress


def _confide(process: subprocess.Popen[bytes], secrets: Mapping[str, str]) -> None:
    """Tell the child on its leash what must not be written into files; one that is gone already says why elsewhere."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(dict(secrets)).encode() + b"\n")
        process.stdin.flush()


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-2_000:].decode("utf-8", "replace").split("\n")
    return next((line.strip()[-300:] for line in reversed(lines) if line.strip()), "it has said nothing")


@contextmanager
def _child(job: Job, environment: Mapping[str, str]) -> Iterator[Child]:
    """Start the crawling process; it is killed when the block is left early.

    It gets a session of its own, so that Ctrl-C in a terminal reaches it through `stop` alone, and a pipe to hold on to, so
    that it ends when this process dies.
    """
    command = [sys.executable, "-P", "-m", "acquisition.crawl", str(Path(job.directory) / JOB_FILE)]
    with (Path(job.directory) / LOG_FILE).open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_allowed(environment),
            start_new_session=True,
        )
    lines: queue.Queue[bytes | None] = queue.Queue()
    with process:
        assert process.stdout is not None
        reader = threading.Thread(target=_pump, args=(process.stdout, lines), name="crawl-events", daemon=True)
        reader.start()
        try:
            yield process, lines
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            reader.join()


def _allowed(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }


def _pump(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _next_line(lines: queue.Queue[bytes | None]) -> bytes | None:
    """Return the next line, b"" when none has come for a moment, None when the child has closed its end."""
    try:
        return lines.get(timeout=_POLL_SECONDS)
    except queue.Empty:
        return b""


def _event(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line) if line else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(event: Mapping[str, Any]) -> AcquisitionError:
    kind = _ERRORS.get(str(event.get("code")), PluginError)
    return kind(str(event.get("message")), where=str(event.get("where", "")), hint=str(event.get("hint", "")))


def _interrupted(directory: Path, started: str, heard: Mapping[str, Any]) -> CrawlRun:
    pages, items, size = (int(heard.get(key, 0)) for key in ("pages", "items", "bytes"))
    return CrawlRun(directory.name, directory, started, utc_now(), pages, items, size, finish_reason="interrupted")
