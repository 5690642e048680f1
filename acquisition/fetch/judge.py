"""What follows from a request that has ended: the file is complete, goes on, goes elsewhere, waits, or is given up."""

from __future__ import annotations

from typing import Final

import pycurl

from acquisition.errors import AcquisitionError, AddressRefused, HttpStatus
from acquisition.fetch.answer import Answer, redirect_target
from acquisition.fetch.completion import Completion
from acquisition.fetch.connections import Connections, Ended
from acquisition.fetch.download import Download
from acquisition.fetch.ledger import Ledger
from acquisition.fetch.leg import Leg, StartOver
from acquisition.fetch.pace import RETRYABLE
from acquisition.fetch.recovery import Recovery
from acquisition.fetch.refusal import REASK, status_error, transport_error
from acquisition.network import literal_address, origin, public_url

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Judge:
    """Reads every end of a request and sees to the consequence."""

    def __init__(
        self, max_redirects: int, ledger: Ledger, connections: Connections, recovery: Recovery, completion: Completion
    ) -> None:
        self._max_redirects = max_redirects
        self._ledger, self._connections = ledger, connections
        self._recovery, self._completion = recovery, completion

    def ended(self, ended: Ended) -> None:
        """Judge a request that libcurl is through with."""
        try:
            self._judge(ended)
        except AcquisitionError as error:
            self._give_way(ended.leg.download, error)

    def stalled(self, leg: Leg, got: int) -> None:
        """Judge a request on which next to nothing came for too long."""
        try:
            self._recovery.give_up_stalled(leg, got)
        except AcquisitionError as error:
            self._give_way(leg.download, error)

    def _give_way(self, download: Download, error: AcquisitionError) -> None:
        """Begin the file again where that can help, else give it up."""
        if isinstance(error, StartOver):
            self._recovery.start_over(download, error, ranges=error.ranges)
        else:
            self._ledger.fail(download, error)

    def _judge(self, ended: Ended) -> None:
        leg = ended.leg
        if ended.error is not None:
            raise ended.error
        if ended.refusal:
            raise AddressRefused(f"{leg.host[1]} {ended.refusal}", where=public_url(leg.url))
        answer, code = leg.answer, ended.code
        if leg.taking and answer is not None:
            self._recovery.heed(leg, answer)
            self._judge_body(leg, code, ended.message)
        elif answer is not None and answer.status >= 200 and (code == 0 or leg.words):
            self._judge_status(leg, answer)
        else:
            failure, hopeful = transport_error(code, ended.message, leg.url)
            if not hopeful:
                raise failure
            self._recovery.retry(leg, failure)

    def _judge_body(self, leg: Leg, code: int, message: str) -> None:
        download, segment = leg.download, leg.segment
        if code == 0 and segment.end is None:
            segment.end = segment.position
        if segment.complete:
            if download.complete and not download.legs:
                self._completion.complete(download)
            return
        failure, _ = transport_error(code or pycurl.E_PARTIAL_FILE, message or "the body is shorter than it should be", leg.url)
        self._recovery.retry(leg, failure)

    def _judge_status(self, leg: Leg, answer: Answer) -> None:
        status = answer.status
        if status in _REDIRECTS and answer.get("location"):
            self._redirect(leg, answer)
        elif status in RETRYABLE:
            self._recovery.wait_as_asked(leg, answer)
        elif status == 416 and leg.ranged:
            self._unsatisfied(leg, answer)
        elif not (status in REASK and self._recovery.asks_anew(leg, status)):
            raise status_error(answer, bytes(leg.words), leg.url, leg.credentials)

    def _unsatisfied(self, leg: Leg, answer: Answer) -> None:
        """A 416: the part is the whole file already, or it belongs to another file."""
        download, segment = leg.download, leg.segment
        told = answer.unsatisfied_total
        whole = told if told is not None else (download.total if download.total is not None else download.expected)
        if len(download.segments) == 1 and whole == segment.position > 0:
            segment.end = download.total = segment.position
            self._completion.complete(download)
            return
        if download.restarted:
            raise status_error(answer, bytes(leg.words), leg.url, leg.credentials)
        raise StartOver("the server has no such part of the file", where=public_url(leg.url))

    def _redirect(self, leg: Leg, answer: Answer) -> None:
        """Follow one redirect: counted, checked, never from https to http, credentials only inside their origin."""
        download = leg.download
        if leg.hops >= self._max_redirects:
            raise HttpStatus(f"more than {self._max_redirects} redirects", where=public_url(leg.url))
        try:
            target = redirect_target(leg.url, answer.get("location"))
            new, old = origin(target), leg.host
        except ValueError as error:
            raise AddressRefused(f"the redirect cannot be followed: {error}", where=public_url(leg.url)) from None
        download.transfer.guard.check_url(target)
        literal = literal_address(new[1])
        if old[0] == "https" and new[0] == "http" and not (literal is not None and literal.is_loopback):
            raise AddressRefused("a redirect from https to http is not followed", where=public_url(target))
        if answer.linked_digest is not None:
            download.linked = (answer.linked_digest,)
        credentials = leg.credentials if new == old else {}
        self._connections.enqueue(Leg(download, leg.segment, target, credentials, new, hops=leg.hops + 1), first=True)
