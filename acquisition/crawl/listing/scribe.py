"""The process that archives and records what a list brings, while another one fetches (docs/decisions/0018-url-lists.md).

    python -m acquisition.crawl.listing.scribe DESCRIPTOR JOB_FILE

It alone writes the run's archive and items. Frames come in on a socket and are worked off in their order; answers go back as
lines. When the other end closes, whatever has come is written, the files are closed, and it ends.
"""

from __future__ import annotations

import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.crawl.archive import ItemLog, RunArchive
from acquisition.crawl.contract import Answer, Ask, Failed, Place
from acquisition.crawl.job import Job, load_job
from acquisition.crawl.listing.clerk import Brought, Content, opened, recorded
from acquisition.crawl.listing.frames import Frames, ask_said, place_said, wire_of, wire_said
from acquisition.crawl.listing.media import Wanted
from acquisition.crawl.listing.rows import Row
from acquisition.crawl.visit.signals import Reading, signals_of
from acquisition.errors import AcquisitionError, WorkspaceLocked
from acquisition.rights.signals import Signal

LOCK_WAIT: Final = 30.0
"""Seconds to wait for the scribe of a run that was killed, to write what it had heard and end."""
_CHUNK: Final = 1 << 20
_HELD: Final = 1_024
"""Answers that are kept until they are judged; who is fetched at once is fewer, so older ones never will be."""
_PLACES: Final = 16_384


def main(arguments: list[str]) -> int:
    """Work off what comes on the socket, and return the exit code."""
    with socket.socket(fileno=int(arguments[0])) as wire:
        try:
            _work(wire, load_job(Path(arguments[1])))
        except AcquisitionError as error:
            wire.sendall(_line({"broken": [error.code, error.message, error.where, error.hint]}))
            return 1
    return 0


def _work(wire: socket.socket, job: Job) -> None:
    frames = Frames()
    scribe: Scribe | None = None
    try:
        while data := wire.recv(_CHUNK):
            replies: list[bytes] = []
            for said, body in frames.of(data):
                if scribe is None:
                    scribe = Scribe(job, said)
                    replies.append(_line(scribe.state()))
                elif (reply := scribe.do(said, body)) is not None:
                    replies.append(_line(reply))
            wire.sendall(b"".join(replies))
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody listens any more; what was heard is written
    finally:
        if scribe is not None:
            scribe.close()


class Scribe:
    """The archive and the items of a run, and what has been archived and not yet been judged."""

    def __init__(self, job: Job, info: Mapping[str, str]) -> None:
        self._directory, self._policy = Path(job.directory), job.signals
        self._wanted = wanted_of(job)
        self._max_bytes = job.max_response
        self._archive = _opened(self._directory, info)
        self._items = ItemLog(self._directory, self._archive)
        self._held: OrderedDict[int, Answer] = OrderedDict()
        self._places: OrderedDict[int, tuple[Place, bool]] = OrderedDict()
        self._sources: dict[int, tuple[bytes | None, dict[str, bytes | None]]] = {}

    def state(self) -> dict[str, Any]:
        """Return what the run has so far."""
        return {"pages": self._archive.pages, "received": self._archive.received, "items": self._items.count}

    def do(self, said: Mapping[str, Any], body: bytes) -> dict[str, Any] | None:
        """Do what a frame says and return the reply, if it wants one."""
        kind = said["do"]
        if kind == "archive":
            self._write(said, body)
        elif kind == "source":
            self._learn(said, body)
        elif kind == "forget":
            self._sources.pop(said["source"], None)
        elif kind == "place":
            return {"n": said["n"], **self._settled(said["answer"])}
        elif kind == "record":
            return {"n": said["n"], **self._record(said, body), "items": self._items.count}
        return None

    def close(self) -> None:
        """Make everything durable."""
        self._items.close()
        self._archive.close()

    def _write(self, said: Mapping[str, Any], body: bytes) -> None:
        ask = Ask(*said["ask"])
        answer = wire_of(said["wire"], body)
        place, unchanged = self._archive.write(ask, answer, said["decision"])
        if ask.kind == "policy":
            return
        self._places[said["answer"]] = place, unchanged
        if len(self._places) > _PLACES:
            self._places.popitem(last=False)
        if answer.status == 200:
            self._held[said["answer"]] = Answer(ask, answer, said["decision"], place, unchanged=unchanged)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)

    def _learn(self, said: Mapping[str, Any], body: bytes) -> None:
        """Take in the files about rights of one origin."""
        parts = iter(_parts(body, said["lengths"]))
        robots = next(parts)
        self._sources[said["source"]] = (robots, dict(zip(said["names"], parts, strict=True)))

    def _settled(self, number: int) -> dict[str, Any]:
        place, unchanged = self._places[number]
        self._held.pop(number, None)
        return {"place": place_said(place), "unchanged": unchanged}

    def _record(self, said: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        answer = self._answer(said, body).beside(*self._sources[said["source"]])
        passed = [(url, status) for url, status in said["passed"]]
        brought, row = Brought(bytes.fromhex(said["key"]), said["url"], said["row"], answer, passed), Row.of(said["row"])
        settled = {"place": place_said(answer.place), "unchanged": answer.unchanged}
        try:
            content, media = opened(answer, row, self._wanted, self._max_bytes)
            reading = _reading(said["reading"]) if said.get("reading") else signals_of(answer, content, self._policy)
            if reading.wanted and not said.get("reading"):
                self._held[said["answer"]] = answer  # it will be asked again, with what those documents say
                return {"wanted": True}
            return settled | {"remark": recorded(brought, row, Content(content, media, reading), self._items)}
        except Failed as failed:
            return settled | {"failed": [failed.reason, failed.url, failed.detail]}

    def _answer(self, said: Mapping[str, Any], body: bytes) -> Answer:
        """Return the answer that is spoken of: one that was just archived, or one that the archive had."""
        if (held := self._held.pop(said["answer"], None)) is not None:
            return held
        ask, wire, decision, place, unchanged = said["whole"]
        found = Place(*place)
        if not found.file:  # it was handed over a moment ago, under this number
            found, unchanged = self._places[found.offset]
        return Answer(Ask(*ask), wire_of(wire, body), decision, found, unchanged=unchanged)


def wanted_of(job: Job) -> Wanted:
    """Return what every file of a job's list must be."""
    return Wanted(**{**job.options.get("expect", {}), "media_types": tuple(job.options.get("media_types", ()))})


def whole_said(answer: Answer) -> list[Any]:
    """Return an answer of the archive as JSON, without its body."""
    return [ask_said(answer.ask), wire_said(answer.wire), dict(answer.decision), place_said(answer.place), answer.unchanged]


def reading_said(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON."""
    return {"signals": reading.records(), "fetch": reading.fetch, "train": reading.train, "store": reading.store}


def _reading(said: Mapping[str, Any]) -> Reading:
    signals = tuple(Signal.from_record(record) for record in said["signals"])
    return Reading(signals, said["fetch"], said["train"], said["store"], may_follow=True, license="")


def _opened(directory: Path, info: Mapping[str, str]) -> RunArchive:
    """Open the archive when nobody else writes it any more."""
    end = time.monotonic() + LOCK_WAIT
    while True:
        try:
            return RunArchive(directory, info)
        except WorkspaceLocked:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _parts(body: bytes, lengths: list[int | None]) -> Iterator[bytes | None]:
    place = 0
    for length in lengths:
        yield None if length is None else body[place : place + length]
        place += length or 0


def _line(said: Mapping[str, Any]) -> bytes:
    return orjson.dumps(said) + b"\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
