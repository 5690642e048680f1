"""One file on its way: its stretches, what is known of it, and what of it the journal keeps."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from acquisition.errors import UnexpectedBody
from acquisition.fetch.answer import Answer
from acquisition.fetch.body import SNIFF, is_page, promises_page
from acquisition.fetch.budget import Allowance
from acquisition.fetch.digests import STRONG, Hashes
from acquisition.fetch.finish import Delivery
from acquisition.fetch.part import PartFile, Segment
from acquisition.fetch.transfer import Transfer
from acquisition.journal import PartRecord
from acquisition.model import Digest, Location

if TYPE_CHECKING:
    from acquisition.fetch.leg import Leg


@dataclass(slots=True, eq=False)
class Download:
    """The state of one asset between the first question and the finished blob.

    `directory` is where its part file lies; `changed` gathers the downloads of which the journal has to hear. `total` is
    the size of the body as delivered, `segments` cover it in order.
    """

    transfer: Transfer
    key: tuple[str, str, str]
    allowance: Allowance
    directory: str
    changed: set[Download]
    answered: bool = False
    """A result was given for it; whatever is still heard about it comes too late."""
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
        digests = tuple(dict.fromkeys((*self.linked, *self.digests))) if self.linked else self.digests
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
        self.changed.add(self)

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
            self.transfer.part_key,
            *self.key,
            self.etag,
            self.last_modified,
            self.total,
            tuple(segment.record() for segment in self.segments),
            json.dumps(facts, sort_keys=True),
        )

    def open_part(self) -> PartFile:
        """Open the part file, and make it if there is none."""
        return PartFile(Path(self.directory, self.transfer.part_key))

    def flush(self, segment: Segment) -> None:
        """Write what a stretch has gathered."""
        size = segment.position - segment.flushed
        if not size:
            return
        if self.part is None:
            self.part = self.open_part()
            self.part.clear()
        self.allowance.wrote(self.key, size)
        self.part.flush(segment)
        self.changed.add(self)

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

    # --- data, or a page that says something ---

    def may_be_page(self) -> bool:
        """Say whether a web page is what was asked for."""
        if self.page_promised is None:
            self.page_promised = self.transfer.expect_html or promises_page(self.transfer.asset)
        return self.page_promised

    def sniff(self, head: bytes, media_type: str) -> None:
        """Look at the first bytes; UnexpectedBody for a page unless a published digest will decide."""
        size = min(len(head), SNIFF)
        if size <= self.sniffed or self.page or self.may_be_page():
            return
        self.sniffed = size
        if not is_page(head[:SNIFF], media_type):
            return
        self.page = True
        if not self.proven:
            raise self.not_data()

    def not_data(self) -> UnexpectedBody:
        """Return the error for a web page where data was promised."""
        return UnexpectedBody(
            f"{self.transfer.asset.path}: the server sent a web page where data was promised",
            hint="Open the address in a browser: it may want a log-in, accepted terms, or a proof that you are no robot.",
        )
