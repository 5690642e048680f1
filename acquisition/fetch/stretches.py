"""Several stretches of one large file at once, where its server serves ranges and has connections to spare."""

from __future__ import annotations

from typing import Final

from acquisition.fetch.answer import Answer
from acquisition.fetch.connections import Connections
from acquisition.fetch.leg import Leg
from acquisition.fetch.part import Segment
from acquisition.fetch.transfer import DownloadLimits

_SHORTEST: Final = 8 << 20
"""No stretch of a parallel download is shorter than this: below, a connection costs more than it brings."""


def divide(connections: Connections, limits: DownloadLimits) -> None:
    """Divide the large files that have just begun, as far as their hosts have connections that nobody else wants."""
    for leg in connections.busy:
        download, answer = leg.download, leg.answer
        if not (download.divided and leg.taking and answer is not None):
            continue
        download.divided = False
        if download.transfer.bandwidth is None and _divisible(leg, answer, limits.ranges_from):
            _split(leg, connections, limits.ranges)


def _divisible(leg: Leg, answer: Answer, large: int) -> bool:
    download = leg.download
    if download.total is None or download.total < large or download.encoding or len(download.segments) != 1:
        return False
    return (answer.ranges or answer.status == 206) and bool(download.validator)


def _split(leg: Leg, connections: Connections, most: int) -> None:
    download, whole = leg.download, leg.segment
    assert whole.end is not None
    pieces = min(most, connections.free(leg) + 1, (whole.end - whole.position) // _SHORTEST)
    if pieces < 2:
        return
    step = (whole.end - whole.position) // pieces
    cuts = [whole.position + step * index for index in range(1, pieces)]
    for start, end in zip(cuts, [*cuts[1:], whole.end], strict=True):
        segment = Segment.at(start, end)
        download.segments.append(segment)
        connections.enqueue(Leg(download, segment, leg.url, leg.credentials, leg.host, hops=leg.hops))
    whole.end = cuts[0]
