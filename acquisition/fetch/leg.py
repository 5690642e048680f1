"""One request for one stretch: what is asked, how the answer's head is taken or refused, and where its bytes go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from acquisition.errors import RangeIgnored, SizeMismatch
from acquisition.fetch.answer import Answer
from acquisition.fetch.body import ERROR_BODY
from acquisition.fetch.download import Download
from acquisition.fetch.part import Segment
from acquisition.fetch.stream import Receiver, Request, Stream

_OURS: Final = frozenset({"range", "if-range", "accept-encoding", "host", "connection", "user-agent", "content-length"})
_PLAIN: Final = ("Accept-Encoding: identity",)


class StartOver(RangeIgnored):
    """What has come cannot be continued; `ranges` says whether ranges may still be asked for afterwards."""

    def __init__(self, message: str, *, where: str = "", hint: str = "", ranges: bool = True) -> None:
        super().__init__(message, where=where, hint=hint)
        self.ranges = ranges


@dataclass(slots=True, eq=False)
class Leg(Receiver):
    """One request for one stretch, on its way from a queue to a stream and back.

    `first` and `last` are the range that was asked for, `taking` says that the answer's body belongs to the file, `words`
    is the body of an answer that is no data.
    """

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
        download, segment, transfer = self.download, self.segment, self.download.transfer
        self.answer, self.taking = None, False
        self.words.clear()
        self.first, self.last = segment.position, segment.end
        self.ranged = download.ranges and (self.first > 0 or len(download.segments) > 1)
        if self.first and not self.ranged:
            raise AssertionError("a stretch is continued only by a range")
        headers = self._headers() if self.ranged or self.credentials else _PLAIN
        return Request(self.url, self.host[1], headers, transfer.guard, proxy, transfer.bandwidth)

    def _headers(self) -> tuple[str, ...]:
        headers = [f"{name}: {value}" for name, value in self.credentials.items() if name.lower() not in _OURS]
        headers += _PLAIN
        if self.ranged:
            upto = "" if self.last is None or len(self.download.segments) == 1 else str(self.last - 1)
            headers.append(f"Range: bytes={self.first}-{upto}")
            if self.download.validator:
                headers.append(f"If-Range: {self.download.validator}")
        return tuple(headers)

    # --- the head ---

    def head(self, answer: Answer) -> None:
        """Judge the answer's head."""
        self.answer = answer
        if answer.status == 200:
            self._accept_whole(answer)
            self.taking = True
        elif answer.status == 206:
            self._accept_part(answer)
            self.taking = True

    def _accept_whole(self, answer: Answer) -> None:
        """Take a 200. As the answer to a resume it begins the file again; among several stretches it cannot be used."""
        download = self.download
        if self.ranged:
            if len(download.segments) > 1:
                raise StartOver("the server sends the whole file where a part was asked for", ranges=False)
            download.restart()
            self.segment = download.segments[0]
            self.ranged = False
        download.etag, download.last_modified, download.asked = answer.etag, answer.get("last-modified"), answer
        download.encoding, download.digests, download.url = answer.encoding, answer.digests(), self.url
        if answer.get("accept-ranges").strip().lower() == "none":
            download.ranges = False
        self._set_total(answer.length, answer)
        self.segment.end = self.last = download.total

    def _accept_part(self, answer: Answer) -> None:
        """Take a 206 if it is exactly what was asked for, of the same file as before."""
        download = self.download
        if not self.ranged:
            raise RangeIgnored("the server sends a part where the whole file was asked for")
        found = answer.content_range
        if found is None or found[0] != self.first or (self.last is not None and found[1] >= self.last) or answer.encoding:
            raise StartOver("the server's part is not the one that was asked for", ranges=False)
        first, last, total = found
        if answer.length is not None and answer.length != last - first + 1:
            raise StartOver("the server's part does not have the length that it claims", ranges=False)
        changed = bool(download.etag and answer.etag and answer.etag != download.etag)
        if changed or (total is not None and download.total is not None and total != download.total):
            raise StartOver("the file has changed on the server since the download began")
        if download.total is None and total is not None:
            self._set_total(total, answer)
        if self.segment.end is None:
            self.segment.end = download.total
        self.last = last + 1
        download.digests = tuple(dict.fromkeys((*download.digests, *answer.digests())))
        download.url = self.url

    def _set_total(self, total: int | None, answer: Answer) -> None:
        """Take the size of the whole body, and refuse it when another one was published."""
        download = self.download
        download.total, expected = total, download.expected
        if total is None or expected is None or total == expected:
            return
        if answer.media_type.startswith("text/html") and not download.may_be_page():
            raise download.not_data()
        raise SizeMismatch(
            f"{download.transfer.asset.path}: {expected:,} bytes were published, the server offers {total:,}",
            hint="If the publisher released a new version, run `acquire plan --update` for this source.",
        )

    # --- the body ---

    def body(self, data: bytes) -> bool:
        """Take body bytes into the stretch; the words of an error are kept apart and never reach the file."""
        if not self.taking:
            self.words += data[: ERROR_BODY - len(self.words)]
            return len(self.words) < ERROR_BODY
        download, segment = self.download, self.segment
        assert self.answer is not None
        if segment.position == 0:
            download.sniff(data, self.answer.media_type)
        download.allowance.count(download.key, download.transfer, len(data))
        data = self._fitting(data)
        download.downloaded += len(data)
        if segment.take(data):
            download.flush(segment)
        return not segment.complete or self.last == segment.end

    def _fitting(self, data: bytes) -> bytes:
        """Return what of the bytes belongs to the stretch; more than was asked for or published is an error."""
        download, segment = self.download, self.segment
        room = None if segment.end is None else segment.end - segment.position
        if room is not None and len(data) > room:
            if self.last is not None and self.last <= (segment.end or 0):
                raise StartOver("the server sends more than the part that was asked for", ranges=False)
            data = data[:room]
        if download.expected is not None and segment.position + len(data) > download.expected:
            raise SizeMismatch(f"{download.transfer.asset.path}: more than the published {download.expected:,} bytes came")
        return data
