"""The crawling process's side of its scribe: an archive, items and a clerk that hand over what was brought.

The archive answers questions about what it holds by itself, from the run's index; what was handed over a moment ago, and is not
in the index yet, it remembers.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.crawl import early
from acquisition.crawl.archive import ItemLog, Recalled, RunArchive
from acquisition.crawl.archive.earlier import EarlierRuns
from acquisition.crawl.archive.index import Index
from acquisition.crawl.archive.scan import OPEN_SUFFIX
from acquisition.crawl.contract import Answer, Ask, Failed, HeaderLines, Place, Wire
from acquisition.crawl.job import JOB_FILE, Job
from acquisition.crawl.listing.clerk import Brought, Clerk, NearClerk
from acquisition.crawl.listing.frames import ask_said, frame, framed, wire_said
from acquisition.crawl.listing.scribe import reading_said, wanted_of, whole_said
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.signals import Reading
from acquisition.errors import AcquisitionError, DiskFull, PluginError, WorkspaceDamaged, WorkspaceLocked

HANDED_OVER: Final = ""
"""The file of a place that only the scribe knows; its offset is the answer's number."""
_RECENT: Final = 1_024
_RECENT_BYTES: Final = 64_000_000
_SOURCES: Final = 4_096
_FIRST_WORD: Final = 60.0
_LAST_WORD: Final = 60.0
_ERRORS: Final[Mapping[str, type[AcquisitionError]]] = {
    kind.code: kind for kind in (DiskFull, PluginError, WorkspaceDamaged, WorkspaceLocked)
}


def worthwhile(job: Job) -> bool:
    """Say whether a scribe of its own helps: a second core, and no earlier run to compare with or to replay."""
    return early.pays(is_list=not job.spider, looks_back=bool(job.earlier or job.replay))


class Link(asyncio.Protocol):
    """The connection to a scribe: frames go out, replies wake whoever waits for them."""

    def __init__(self, job: Job, info: Mapping[str, str]) -> None:
        """Claim the scribe and wait until it has opened the run; raises what it could not."""
        scribe = early.claimed(Path(job.directory) / JOB_FILE)
        self._process, self._socket, self._held = scribe.process, scribe.socket, b""
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._broken: AcquisitionError | None = None
        self._ended: asyncio.Future[None] | None = None
        self._number = 0
        self._ending = False
        self._unsent: list[bytes] = []
        try:
            self._tell(info)
            self.state = self._first_word()
        except BaseException:
            self.close()
            raise

    def _tell(self, info: Mapping[str, str]) -> None:
        """Say what the run is; a scribe that is gone already is noticed by its silence."""
        with suppress(BrokenPipeError):
            self._socket.sendall(frame(dict(info)))

    def _first_word(self) -> dict[str, Any]:
        self._socket.settimeout(_FIRST_WORD)
        while b"\n" not in self._held:
            try:
                data = self._socket.recv(65_536)
            except ConnectionResetError:  # it ended and had not read what it was told
                data = b""
            if not data:
                raise PluginError("the list's scribe ended before it began")
            self._held += data
        said = orjson.loads(self._held)
        self._held = b""
        if "broken" in said:
            raise _error(said["broken"])
        self._socket.setblocking(False)
        return dict(said)

    async def attach(self) -> None:
        """Listen from now on, on the running loop."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self._transport, _ = await loop.create_connection(lambda: self, sock=self._socket)

    def number(self) -> int:
        """Return a number that nothing else has."""
        self._number += 1
        return self._number

    def say(self, said: Mapping[str, Any], body: bytes = b"") -> None:
        """Hand something over; raises what the scribe has ended with."""
        if self._broken is not None:
            raise self._broken
        if self._ending:
            raise Failed("stopped", "", "the crawl is being stopped")
        if self._transport is None or self._transport.is_closing():
            raise _died()
        if not self._unsent:  # what is handed over in this turn of the loop goes out together
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent += framed(said, body)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent and self._transport is not None:
            self._transport.write(b"".join(unsent))

    async def ask(self, said: Mapping[str, Any], body: bytes = b"") -> dict[str, Any]:
        """Hand something over and return the reply."""
        number = self.number()
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            self.say({**said, "n": number}, body)
            return await reply
        finally:
            self._waiting.pop(number, None)

    async def end(self) -> None:
        """Let the scribe write what it has heard, close the files and end."""
        if self._transport is not None and self._ended is not None:
            self._ending = True
            self._send()
            self._transport.write_eof()
            await asyncio.wait([self._ended], timeout=_LAST_WORD)
            self._transport.close()
            self._transport = None
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End without a loop, as after an error."""
        self._socket.close()
        try:
            self._process.wait(_LAST_WORD)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # --- what asyncio calls

    def data_received(self, data: bytes) -> None:
        """Take in replies."""
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            said = orjson.loads(line)
            if "broken" in said:
                self._break(_error(said["broken"]))
            elif (reply := self._waiting.get(said["n"])) is not None and not reply.done():
                reply.set_result(said)

    def eof_received(self) -> bool:
        """Keep our side open: it is closed by whoever ends."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's interface
        """Tell those who wait that nothing comes any more."""
        if not self._ending:
            self._break(_died())
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _break(self, error: AcquisitionError) -> None:
        self._broken = self._broken or error
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(error)


class FarArchive(RunArchive):
    """The archive of a run that a scribe writes. It reads the run's index and files itself."""

    def __init__(self, job: Job, info: Mapping[str, str]) -> None:
        # RunArchive's own opening takes the lock that the scribe holds and mends what it has mended.
        self.link = Link(job, info)
        self._directory = Path(job.directory)
        self._stream, self._name, self._replay = None, "", None
        self.index = Index(self._directory, alone=not self.link.state["pages"])
        self.earlier = EarlierRuns(self._directory, ())
        self.pages, self.received = self.link.state["pages"], self.link.state["received"]
        self._recent: OrderedDict[str, Recalled] = OrderedDict()
        self._recent_bytes = 0

    def write(self, ask: Ask, wire: Wire, decision: Mapping[str, Any]) -> tuple[Place, bool]:
        """Hand an exchange over; where it will lie only the scribe knows."""
        number = self.link.number()
        said = {"do": "archive", "answer": number, "ask": ask_said(ask), "wire": wire_said(wire), "decision": decision}
        self.link.say(said, wire.body)
        self.index.met(ask.url)
        if ask.kind != "policy":
            self.pages += 1
            self.received += len(wire.body)
        place = Place(HANDED_OVER, number, "", "", wire.status)
        if ask.method == "GET" and wire.status < 500 and wire.status not in (408, 425, 429):
            self._remember(ask.url, Recalled(wire, decision, place, unchanged=False))
        return place, False

    def recall(self, url: str) -> Recalled | None:
        """Return this run's answer to a GET of the URL as it came."""
        return self._recent.get(url) or super().recall(url)

    def find(self, url: str) -> Place | None:
        """Return where this run's answer to a GET of the URL lies."""
        recent = self._recent.get(url)
        return recent.place if recent is not None else super().find(url)

    def read(self, place: Place) -> tuple[HeaderLines, bytes]:
        """Return headers and undecoded body; what was handed over a moment ago is still here."""
        if place.file == HANDED_OVER:
            wire = next(one.wire for one in self._recent.values() if one.place == place)
            return wire.headers, wire.body
        return super().read(place)

    def sync(self) -> None:
        """Do nothing: the scribe syncs."""

    def close(self) -> None:
        """Close what is read; the scribe closes what it writes when the link ends."""
        self.link.close()
        self.index.close()
        self.earlier.close()

    def _remember(self, url: str, recalled: Recalled) -> None:
        if (before := self._recent.pop(url, None)) is not None:
            self._recent_bytes -= len(before.wire.body)
        self._recent[url] = recalled
        self._recent_bytes += len(recalled.wire.body)
        while len(self._recent) > _RECENT or self._recent_bytes > _RECENT_BYTES:
            self._recent_bytes -= len(self._recent.popitem(last=False)[1].wire.body)

    def _path(self, file: str) -> Path:
        is_open = self._directory / (file.removesuffix(WARC_SUFFIX) + OPEN_SUFFIX)
        return is_open if is_open.exists() else self._directory / file


class FarItems(ItemLog):
    """The items of a run that a scribe writes down; what is asked about all of them is answered when it has ended."""

    def __init__(self, archive: FarArchive) -> None:
        self.directory = archive._directory  # noqa: SLF001  # two halves of one thing
        self._far = archive
        self._count = archive.link.state["items"]
        self._near: tuple[RunArchive, ItemLog] | None = None

    def counted(self, number: int) -> None:
        """Hear how many items there are."""
        self._count = max(self._count, number)

    def pages(self) -> Iterator[bytes]:
        """Yield the frontier's keys of the pages that have items in this run, each once."""
        yield from self._after().pages()

    def void(self, pages: Iterable[bytes]) -> int:
        """Take back the items of pages that somebody else has finished, too."""
        found = self._after().void(pages)
        self._count -= found
        return found

    def sync(self) -> None:
        """Do nothing: the scribe syncs."""

    def close(self) -> None:
        """Close what was opened after the scribe had ended."""
        if self._near is not None:
            archive, items = self._near
            items.close()
            archive.close()
            self._near = None

    def _after(self) -> ItemLog:
        if self._near is None:
            self._far.link.close()
            archive = RunArchive(self.directory, {})
            self._near = archive, ItemLog(self.directory, archive)
        return self._near[1]


@asynccontextmanager
async def clerk_of(
    job: Job, archive: RunArchive, items: ItemLog, reading: Callable[[Answer, bytes], Awaitable[Reading]]
) -> AsyncIterator[Clerk]:
    """Lend the clerk of a run; a scribe is told to end, and waited for, when the block is left."""
    if not isinstance(archive, FarArchive) or not isinstance(items, FarItems):
        yield NearClerk(items, wanted_of(job), reading, job.max_response)
        return

    async def announced(answer: Answer) -> Reading:
        return await reading(answer, decoded(answer.wire, job.max_response, url=answer.ask.url))

    await archive.link.attach()
    try:
        yield FarClerk(archive, items, announced)
    finally:
        await archive.link.end()


class FarClerk(Clerk):
    """Has a scribe write down what was brought. `announced` reads an answer with the license documents that only it names."""

    def __init__(self, archive: FarArchive, items: FarItems, announced: Callable[[Answer], Awaitable[Reading]]) -> None:
        self._link, self._items, self._announced = archive.link, items, announced
        self._places: dict[int, tuple[Place, bool]] = {}
        self._sources: OrderedDict[tuple[bytes | None, int], tuple[int, Mapping[str, bytes | None]]] = OrderedDict()

    @property
    def count(self) -> int:
        """Return how many items the run has."""
        return self._items.count

    async def write_down(self, brought: Brought) -> str:
        """Return what is remarkable about the item when it is written; Failed when it is none."""
        answer = brought.answer
        said: dict[str, Any] = {
            "do": "record",
            "answer": answer.place.offset if answer.place.file == HANDED_OVER and not answer.replayed else 0,
            "source": self._source(answer),
            "key": brought.key.hex(),
            "url": brought.url,
            "row": brought.request,
            "passed": brought.passed,
        }
        body = b""
        if not said["answer"]:
            said["whole"], body = whole_said(answer), answer.wire.body
        reply = await self._link.ask(said, body)
        if reply.get("wanted"):
            reading = await self._announced(answer)
            reply = await self._link.ask({**said, "source": self._source(answer), "reading": reading_said(reading)}, body)
        if said["answer"]:
            self._places[said["answer"]] = Place(*reply["place"]), reply["unchanged"]
        self._items.counted(reply["items"])
        if "failed" in reply:
            raise Failed(*reply["failed"])
        return str(reply["remark"])

    async def placed(self, answer: Answer) -> tuple[Place, bool]:
        """Return where an answer is archived, when it is."""
        if answer.place.file != HANDED_OVER:
            return answer.place, answer.unchanged
        known = self._places.pop(answer.place.offset, None)
        if known is not None:
            return known
        reply = await self._link.ask({"do": "place", "answer": answer.place.offset})
        return Place(*reply["place"]), reply["unchanged"]

    def _source(self, answer: Answer) -> int:
        """Return the number of the files about rights of an answer's origin; the scribe is told of them once."""
        key = (answer.robots_txt, id(answer.well_known))
        known = self._sources.get(key)
        if known is not None:
            return known[0]
        number = self._link.number()
        files = list(answer.well_known.items())
        bodies = [answer.robots_txt, *(body for _, body in files)]
        lengths = [None if body is None else len(body) for body in bodies]
        said = {"do": "source", "source": number, "names": [name for name, _ in files], "lengths": lengths}
        self._link.say(said, b"".join(body or b"" for body in bodies))
        self._sources[key] = number, answer.well_known  # the files are kept, so that no others get their id
        if len(self._sources) > _SOURCES:
            _, (oldest, _) = self._sources.popitem(last=False)
            self._link.say({"do": "forget", "source": oldest})
        return number


def _died() -> PluginError:
    return PluginError("the list's scribe ended in the middle", hint="Run the same command again: it goes on where it ended.")


def _error(said: list[str]) -> AcquisitionError:
    code, message, where, hint = said
    return _ERRORS.get(code, PluginError)(message, where=where, hint=hint)
