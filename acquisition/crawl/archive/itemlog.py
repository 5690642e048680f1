"""The lists of items of a run, one file per WARC file that holds their bodies; `acquisition.read.crawl` reads them.

A line is one write. Which items there are is kept in the run's index, so memory does not grow with them; lists that the index
has not followed to their end (a kill) are read from there on.
"""

from __future__ import annotations

import io
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.crawl.archive.append import append
from acquisition.crawl.archive.earlier import item_of, items_of, page_key
from acquisition.crawl.archive.index import item_key
from acquisition.crawl.archive.run import SYNC_EVERY, RunArchive
from acquisition.crawl.outcome import ITEMS_SUFFIX
from acquisition.workspace import atomic_file

_OPEN_FILES: Final = 8
_OPTIONS: Final = (
    orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
)


class ItemLog:
    """The items of the run in `directory`. Opening repairs torn lines and forgets items whose page was lost in a power cut."""

    def __init__(self, directory: Path, archive: RunArchive) -> None:
        self.directory = directory
        self._archive = archive
        self._index = archive.index
        self._streams: OrderedDict[str, io.FileIO] = OrderedDict()
        for path in sorted(directory.glob(f"*{ITEMS_SUFFIX}")):
            self._load(path)
        self._index.commit()
        self._count = self._index.item_count()

    @property
    def count(self) -> int:
        """Items recorded so far, in all attempts of this run, without those that are void."""
        return self._count

    def add(self, record: Mapping[str, Any], page: bytes = b"") -> bool:
        """Append an item unless the run has it already, and say whether it was new.

        `page` is the frontier's key of the page that it was found on, by which `void` finds it. Where there is an earlier run
        the line says whether the item is new, the same, or one of others than before on its page ("changed").
        """
        key = item_key(str(record["locator"]))
        if self._index.has_item(key):
            return False
        line = dict(record)
        if page:
            line["page"] = page.hex()
        if change := self._archive.earlier.change_of(key, str(record["final_url"])):
            line["change"] = change
        name = items_of(str(record["warc"]["file"]))
        data = _written(line)
        stream = self._stream(name)
        end = append(stream, data, stream.tell())
        self._index.add_item(key, str(record["final_url"]), page, name)
        self._index.reached(name, end)
        self._count += 1
        if self._count % SYNC_EVERY == 0:
            self.sync()
        return True

    def pages(self) -> Iterator[bytes]:
        """Yield the frontier's keys of the pages that have items in this run, each once."""
        yield from self._index.item_pages()

    def void(self, pages: Iterable[bytes]) -> int:
        """Take back the items of pages that somebody else has finished, too; return how many there were.

        Their lines leave the lists when the log is closed.
        """
        found = self._index.void_items(list(pages))
        self._count -= found
        return found

    def sync(self) -> None:
        """Return when every line so far is durable."""
        for name, stream in self._streams.items():
            self._sync(name, stream)

    def _sync(self, name: str, stream: io.FileIO) -> None:
        os.fsync(stream.fileno())
        self._index.is_synced(name, stream.tell())

    def close(self) -> None:
        """Make everything durable and write the lists without their void items."""
        self.sync()
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        for name in self._index.void_lists():
            self._without_void(name)
        self._index.commit()

    def _stream(self, name: str) -> io.FileIO:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = (self.directory / name).open("ab", buffering=0)
            if len(self._streams) > _OPEN_FILES:
                longest, oldest = self._streams.popitem(last=False)
                self._sync(longest, oldest)
                oldest.close()
        self._streams.move_to_end(name)
        return stream

    def _load(self, path: Path) -> None:
        """Take in what the index lacks of a list; cut a torn line, drop lines whose page is lost."""
        known, start, size = self._index.indexed(path.name), self._index.synced(path.name), path.stat().st_size
        if start == known == size:
            return
        good = self._take_from(path, start) if start <= size else -1
        if good < known:  # lines that the index knows are not there any more
            self._index.forget(path.name)
            good = self._take_from(path, 0)
        if good != size:
            self._rewrite(path, lambda record: record is not None and self._holds(record))
        self._index.reached(path.name, path.stat().st_size)
        self._index.is_synced(path.name, path.stat().st_size)

    def _take_from(self, path: Path, start: int) -> int:
        """Take in the good lines from an offset on, and return where the last one would end without the others."""
        good = start
        with path.open("rb") as stream:
            stream.seek(start)
            for line in stream:
                record = item_of(line)
                if record is not None and self._holds(record):
                    good += len(line)
                    self._take(record, path.name)
            os.fsync(stream.fileno())
        return good

    def _take(self, record: Mapping[str, Any], name: str) -> None:
        self._index.add_item(item_key(str(record["locator"])), str(record["final_url"]), page_key(record), name)

    def _holds(self, record: Mapping[str, Any]) -> bool:
        return self._archive.holds(str(record["warc"]["file"]), int(record["warc"]["offset"]))

    def _without_void(self, name: str) -> None:
        path = self.directory / name
        self._rewrite(path, lambda record: record is not None and not self._index.is_void(item_key(str(record["locator"]))))
        self._index.drop_void(name)
        self._index.reached(name, path.stat().st_size)
        self._index.is_synced(name, path.stat().st_size)

    def _rewrite(self, path: Path, keep: Callable[[Mapping[str, Any] | None], bool]) -> None:
        with path.open("rb") as source, atomic_file(path) as target:
            for line in source:
                if keep(item_of(line)):
                    target.write(line)


def _written(line: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=_OPTIONS)
    except TypeError:  # halves of surrogate pairs, numbers beyond 64 bits
        return json.dumps(line, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
