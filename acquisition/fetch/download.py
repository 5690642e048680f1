"""One file on its way: its stretches, what the server said of it, and how every answer is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from acquisition.errors import RangeIgnored, SizeMismatch, UnexpectedBody
from acquisition.fetch.answer import Answer
from acquisition.fetch.body import ERROR_BODY, SNIFF, is_page, promises_page
from acquisition.fetch.digests import STRONG, Hashes
from acquisition.fetch.finish import Delivery
from acquisition.fetch.part import PartFile, Segment
from acquisition.fetch.stream import Receiver, Request, Stream
from acquisition.fetch.transfer import Transfer
from acquisition.journal import PartRecord
from acquisition.model import Digest, Location

_OURS: Final = frozenset({"range", "if-range", "accept-encoding", "host", "connection", "user-agent", "content-length"})
MIN_STRETCH: Final = 8 << 20
"""No stretch of a parallel download is shorter than this: below, a connection costs more than it brings."""


class StartOver(RangeIgnored):
    """What has come cannot be continued; `ranges` says whether ranges may still be asked for afterwards."""

    def __init__(self, message: str, *, where: str = "", hint: str = "", ranges: bool = True) -> None:
        super().__init__(message, where=where, hint=hint)
        self.ranges = ranges


@dataclass(slots=True, eq=False)
class Download:
    """The state of one asset between the first question and the finished blob.

    `wrote` is asked before bytes are written (room on the disk), `count` for every body byte received (ceilings, pace);
    both may raise. `total` is the size of the body as delivered, `segments` cover it in order.
    """

    transfer: Transfer
    open_part: Callable[[], PartFile]
    part_key: str
    wrote: Callable[[int], None]
    count: Callable[[int], None]
    segments: list[Segment] = field(default_factory=lambda: [Segment()])
    legs: set[Leg] = field(default_factory=set)
    part: PartFile | None = None
    hashes: Hashes | None = None
    location: Location | None = None
    located_at: float = 0.0
    etag: str = ""
    last_modified: str = ""
    asked: Answer | None = None
    """The answer that began the file; the validator is read from it when it is first needed."""
    known_validator: str = ""
    encoding: str = ""
    url: str = ""
    total: int | None = None
    digests: tuple[Digest, ...] = ()
    linked: tuple[Digest, ...] = ()
    page: bool = False
    page_promised: bool | None = None
    sniffed: int = 0
    ranges: bool = True
    """Ranges may be asked for."""
    divided: bool = True
    """The file may be fetched in several stretches at once."""
    resumed: bool = False
    restarted: bool = False
    dirty: bool = False
    hashing: Future[None] | None = None
    """The thread that hashes behind the writer, while there is one."""
    finishing: bool = False
    """The last step has the part file and the digests; nobody else may touch them."""
    downloaded: int = 0
    attempts: int = 0
    failures: int = 0
    high: int = 0
    locates: int = 0

    @property
    def proven(self) -> bool:
        """Whether the publisher gives a digest that proves the whole file."""
        return any(digest.algorithm in STRONG for digest in self.transfer.asset.digests)

    @property
    def validator(self) -> str:
        """What If-Range carries for the bytes that have come, "" if nothing can be promised about them."""
        return self.asked.validator if self.asked is not None else self.known_validator

    @property
    def resumable(self) -> bool:
        """Whether what has come may be continued later: a strong validator, or a digest that proves the result."""
        return self.ranges and not self.encoding and bool(self.validator or self.proven)

    @property
    def delivery(self) -> Delivery:
        """What the last step has to know."""
        digests = tuple(dict.fromkeys((*self.linked, *self.digests)))
        return Delivery(asset=self.transfer.asset, server_digests=digests, encoding=self.encoding, url=self.url, page=self.page)

    @property
    def expected(self) -> int | None:
        """The published size where it must be the size of the body."""
        return self.transfer.asset.size if not self.transfer.asset.packed and not self.encoding else None

    @property
    def reached(self) -> int:
        """Bytes received and kept, over all stretches."""
        return sum(segment.position - segment.start for segment in self.segments)

    @property
    def complete(self) -> bool:
        """Whether every stretch is."""
        return all(segment.complete for segment in self.segments)

    @property
    def frontier(self) -> int:
        """How far the file is on disk without a gap."""
        reached = 0
        for segment in self.segments:
            if segment.start != reached:
                break
            reached = segment.flushed
        return reached

    def restart(self) -> None:
        """Forget what has come and begin at byte 0."""
        if self.part is not None:
            self.part.clear()
        self.segments = [Segment()]
        self.hashes = None
        self.etag = self.last_modified = self.known_validator = self.encoding = ""
        self.asked = None
        self.total, self.digests, self.page, self.sniffed, self.resumed = None, (), False, 0, False
        self.dirty = True

    def resume(self, record: PartRecord, part: PartFile, segments: list[Segment]) -> None:
        """Continue from what the journal knows and the part file was found to hold."""
        facts = json.loads(record.facts)
        self.part, self.segments = part, segments
        self.etag, self.last_modified, self.total = record.etag, record.last_modified, record.size
        self.known_validator, self.url = facts["validator"], facts["url"]
        self.digests = tuple(Digest(*pair) for pair in facts["digests"])
        self.high, self.resumed = self.reached, self.reached > 0

    def record(self) -> PartRecord:
        """Return what the journal keeps."""
        facts = {
            "validator": self.validator,
            "url": self.url.split("?")[0],
            "digests": [[d.algorithm, d.value] for d in self.digests],
        }
        return PartRecord(
            self.part_key,
            *self.transfer.key,
            self.etag,
            self.last_modified,
            self.total,
            tuple(segment.record() for segment in self.segments),
            json.dumps(facts, sort_keys=True),
        )

    def flush(self, segment: Segment) -> None:
        """Write what a stretch has gathered."""
        size = segment.position - segment.flushed
        if not size:
            return
        if self.part is None:
            self.part = self.open_part()
            self.part.clear()
        self.wrote(size)
        self.part.flush(segment)
        self.dirty = True

    def flush_all(self) -> None:
        """Write everything that was gathered."""
        for segment in self.segments:
            self.flush(segment)

    def start_hashes(self) -> Hashes:
        """Return the running digests, made when the first bytes are on disk and the size is known if it ever will be."""
        if self.hashes is None:
            size = self.total if self.total is not None else self.expected
            names = self.delivery.algorithms
            self.hashes = Hashes([name for name in names if name != "git-sha1" or size is not None], size or 0)
        return self.hashes

    # --- answers ---

    def accept_whole(self, leg: Leg, answer: Answer) -> None:
        """Take a 200. As the answer to a resume it begins the file again; among several stretches it cannot be used."""
        if leg.ranged:
            if len(self.segments) > 1:
                raise StartOver("the server sends the whole file where a part was asked for", ranges=False)
            self.restart()
            leg.segment = self.segments[0]
            leg.ranged = False
        self.etag, self.last_modified, self.asked = answer.etag, answer.get("last-modified"), answer
        self.encoding, self.digests, self.url = answer.encoding, answer.digests(), leg.url
        if answer.get("accept-ranges").strip().lower() == "none":
            self.ranges = False
        self._set_total(answer.length, answer)
        leg.segment.end = leg.last = self.total

    def accept_part(self, leg: Leg, answer: Answer) -> None:
        """Take a 206 if it is exactly what was asked for, of the same file as before."""
        if not leg.ranged:
            raise RangeIgnored("the server sends a part where the whole file was asked for")
        found = answer.content_range
        if found is None or found[0] != leg.first or (leg.last is not None and found[1] >= leg.last) or answer.encoding:
            raise StartOver("the server's part is not the one that was asked for", ranges=False)
        first, last, total = found
        if answer.length is not None and answer.length != last - first + 1:
            raise StartOver("the server's part does not have the length that it claims", ranges=False)
        changed = bool(self.etag and answer.etag and answer.etag != self.etag)
        if changed or (total is not None and self.total is not None and total != self.total):
            raise StartOver("the file has changed on the server since the download began")
        if self.total is None and total is not None:
            self._set_total(total, answer)
        if leg.segment.end is None:
            leg.segment.end = self.total
        leg.last = last + 1
        self.digests = tuple(dict.fromkeys((*self.digests, *answer.digests())))
        self.url = leg.url

    def _set_total(self, total: int | None, answer: Answer) -> None:
        self.total = total
        if total is not None and self.expected is not None and total != self.expected:
            if answer.media_type.startswith("text/html") and not self._may_be_page():
                raise UnexpectedBody(
                    f"{self.transfer.asset.path}: the server sent a web page where data was promised",
                    hint="Open the address in a browser: it may want a log-in or accepted terms.",
                )
            raise SizeMismatch(
                f"{self.transfer.asset.path}: {self.expected:,} bytes were published, the server offers {total:,}",
                hint="If the publisher released a new version, run `acquire plan --update` for this source.",
            )

    def _may_be_page(self) -> bool:
        if self.page_promised is None:
            self.page_promised = self.transfer.expect_html or promises_page(self.transfer.asset)
        return self.page_promised

    def sniff(self, head: bytes, media_type: str) -> None:
        """Look at the first bytes; UnexpectedBody for a page unless a published digest will decide."""
        if len(head) <= self.sniffed or self.page or self._may_be_page():
            return
        self.sniffed = min(len(head), SNIFF)
        if not is_page(head[:SNIFF], media_type):
            return
        self.page = True
        if not self.proven:
            raise UnexpectedBody(
                f"{self.transfer.asset.path}: the server sent a web page where data was promised",
                hint="Open the address in a browser: it may want a log-in, accepted terms, or a proof that you are no robot.",
            )


@dataclass(slots=True, eq=False)
class Leg(Receiver):
    """One request for one stretch, on its way from a queue to a stream and back."""

    download: Download
    segment: Segment
    url: str
    credentials: Mapping[str, str]
    host: tuple[str, str, int]
    hops: int = 0
    stream: Stream | None = None
    answer: Answer | None = None
    first: int = 0
    last: int | None = None
    ranged: bool = False
    taking: bool = False
    words: bytearray = field(default_factory=bytearray)

    def request(self, proxy: str | None) -> Request:
        """Return the request for what is still missing of the stretch."""
        download, segment = self.download, self.segment
        self.answer, self.taking = None, False
        self.words.clear()
        self.first, self.last = segment.position, segment.end
        self.ranged = download.ranges and (self.first > 0 or len(download.segments) > 1)
        headers = [f"{name}: {value}" for name, value in self.credentials.items() if name.lower() not in _OURS]
        headers.append("Accept-Encoding: identity")
        if self.ranged:
            upto = "" if self.last is None or len(download.segments) == 1 else str(self.last - 1)
            headers.append(f"Range: bytes={self.first}-{upto}")
            if download.validator:
                headers.append(f"If-Range: {download.validator}")
        elif self.first:
            raise AssertionError("a stretch is continued only by a range")
        transfer = download.transfer
        host = self.host[1]
        return Request(self.url, host, tuple(headers), transfer.guard, proxy, transfer.bandwidth)

    def head(self, answer: Answer) -> None:
        """Judge the answer's head."""
        self.answer = answer
        if answer.status == 200:
            self.download.accept_whole(self, answer)
            self.taking = True
        elif answer.status == 206:
            self.download.accept_part(self, answer)
            self.taking = True

    def body(self, data: bytes) -> bool:
        """Take body bytes into the stretch; the words of an error are kept apart and never reach the file."""
        if not self.taking:
            self.words += data[: ERROR_BODY - len(self.words)]
            return len(self.words) < ERROR_BODY
        download, segment = self.download, self.segment
        assert self.answer is not None
        if segment.position == 0:
            download.sniff(data, self.answer.media_type)
        download.count(len(data))
        room = None if segment.end is None else segment.end - segment.position
        if room is not None and len(data) > room:
            if self.last is not None and self.last <= (segment.end or 0):
                raise StartOver("the server sends more than the part that was asked for", ranges=False)
            data = data[:room]
        if download.expected is not None and segment.position + len(data) > download.expected:
            raise SizeMismatch(f"{download.transfer.asset.path}: more than the published {download.expected:,} bytes came")
        download.downloaded += len(data)
        if segment.take(data):
            download.flush(segment)
        return not segment.complete or self.last == segment.end
