"""Draws what a run tells: bars on a terminal, plain lines elsewhere, both on stderr.

Per source: files and bytes with rate and time left while bytes move, then items while they are read and filtered. What is done
to the set as a whole (built, hashed, packed, sent) is drawn the same way, under its own name.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from acquisition.cli.crawling import progress_text
from acquisition.cli.output import duration, size, talk
from acquisition.protocols import Reporter, Silent

PLAIN_EVERY: Final = 5.0
"""Seconds between two plain lines about the same source."""
_DRAWN_EVERY: Final = 0.1
"""Seconds between two looks at work that tells of every file."""


@contextmanager
def reporter(*, quiet: bool) -> Iterator[Reporter]:
    """Yield a reporter for this terminal; nothing is drawn when `quiet`."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        with _bars() as drawn:
            yield drawn
    else:
        yield Plain()


class _Sums:
    """What is known of a source while its bytes move."""

    __slots__ = ("bytes", "crawl", "done", "drawn", "failed", "files", "items", "rejected", "size", "spoken", "started")

    def __init__(self) -> None:
        self.files = self.done = self.failed = self.bytes = self.size = self.items = self.rejected = 0
        self.crawl = ""
        self.started = time.monotonic()
        self.spoken = self.drawn = 0.0


class _Counting(Reporter):
    """Sums the events per source; a drawing reporter says what it does with the sums."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, _Sums] = defaultdict(_Sums)

    def event(self, name: str, /, **fields: Any) -> None:
        """Take one event."""
        with self._lock:
            take = getattr(self, "_on_" + name.replace("-", "_"), None)
            if take is not None:
                take(fields)

    def _on_source_start(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.files, sums.size, sums.started = fields["files"], fields["bytes"], time.monotonic()
        self._changed(fields["source"], sums)

    def _on_transfer_bytes(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.bytes += fields["bytes"]
        self._changed(fields["source"], sums)

    def _on_transfer_done(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.done += fields.get("files", 1)
        self._changed(fields["source"], sums)

    def _on_transfer_failed(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.failed += 1
        self._say(f"{fields['source']}: {fields.get('path', '')} failed: {fields.get('code', '')}")

    def _on_transfer_retry(self, fields: dict[str, Any]) -> None:
        wait = duration(float(fields.get("wait", 0)))
        self._say(f"{fields['source']}: {fields.get('path', '')}: {fields.get('code', '')}, trying again in {wait}")

    def _on_crawl_progress(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.done, sums.items = fields.get("pages", sums.done), fields.get("items", sums.items)
        sums.bytes = fields.get("bytes", sums.bytes)
        sums.crawl = progress_text(fields)
        self._changed(fields["source"], sums)

    def _on_work_progress(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["what"]]
        sums.done, sums.bytes = fields["files"], fields["bytes"]
        sums.files, sums.size = fields.get("of_files", 0), fields.get("of_bytes", 0)
        self._now_and_then(fields["what"], sums)

    def _on_curate_progress(self, fields: dict[str, Any]) -> None:
        sums = self._sums["curated set"]
        sums.crawl = f"{fields['done']:,} of {fields['total']:,} items"
        self._now_and_then("curated set", sums)

    def _now_and_then(self, what: str, sums: _Sums) -> None:
        now = time.monotonic()
        if now - sums.drawn >= _DRAWN_EVERY:
            sums.drawn = now
            self._changed(what, sums)

    def _on_stage_done(self, fields: dict[str, Any]) -> None:
        sums = self._sums[fields["source"]]
        sums.items, sums.rejected = fields["items"], fields["rejected"]
        self._changed(fields["source"], sums)
        rejected = f", {fields['rejected']:,} rejected" if fields["rejected"] else ""
        self._say(f"{fields['source']}: {fields['items']:,} items staged{rejected}")

    def _on_filter_start(self, fields: dict[str, Any]) -> None:
        self._say(f"filtering {fields['items']:,} items in {fields['shards']:,} shards")

    def _on_step(self, fields: dict[str, Any]) -> None:
        self._say(fields["text"])

    def _changed(self, source: str, sums: _Sums) -> None:
        """Draw a source anew."""

    def _say(self, text: str) -> None:
        """Write one line."""
        talk(text)


class Plain(_Counting):
    """Writes a line now and then."""

    def _changed(self, source: str, sums: _Sums) -> None:
        now = time.monotonic()
        if now - max(sums.spoken, sums.started) < PLAIN_EVERY:
            return
        sums.spoken = now
        if sums.crawl:
            talk(f"{source}: {sums.crawl}")
            return
        rate = sums.bytes / max(now - sums.started, 1e-9)
        left = f", {duration((sums.size - sums.bytes) / rate)} left" if rate and sums.size > sums.bytes else ""
        total = f" of {sums.files:,}" if sums.files else ""
        talk(f"{source}: {sums.done:,}{total} files, {size(sums.bytes)} ({size(round(rate))}/s{left})")


@contextmanager
def _bars() -> Iterator[Reporter]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bars(progress)


class _Bars(_Counting):
    """Draws one bar per source."""

    def __init__(self, progress: Any) -> None:
        super().__init__()
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def _changed(self, source: str, sums: _Sums) -> None:
        if source not in self._tasks:
            self._tasks[source] = self._progress.add_task(source, total=sums.size or None, count="")
        count = f"{sums.done:,}/{sums.files:,} files" if sums.files else f"{sums.done:,} files"
        if sums.items:
            count += f", {sums.items:,} items"
        count = sums.crawl or count
        self._progress.update(self._tasks[source], completed=sums.bytes, total=sums.size or None, count=count)

    def _say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)
