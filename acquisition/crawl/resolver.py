"""The guard of addresses at the only place that cannot be talked around: where a name becomes an address.

Twisted asks the resolver for literals too and connects to exactly the addresses that it returns, so a redirect, an odd
spelling (127.1, 0x7f.1, [::ffff:127.0.0.1]) or a name that changes its address all end here (crawl.md section 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scrapy.resolver import CachingHostnameResolver
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]  # it ships no types

from acquisition.crawl.session import Session


@implementer(IResolutionReceiver)
class _AllowedOnly:
    """Passes the addresses on that the guard allows and remembers why it kept the others."""

    def __init__(self, receiver: Any, host: str, session: Session) -> None:
        self._receiver = receiver
        self._host = host
        self._session = session

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803  # Twisted's interface
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802  # Twisted's interface
        reason = self._session.guard.refusal(self._host, str(getattr(address, "host", "")))
        if reason is None:
            self._receiver.addressResolved(address)
        else:
            self._session.unreachable[self._host] = reason

    def resolutionComplete(self) -> None:  # noqa: N802  # Twisted's interface
        self._receiver.resolutionComplete()


class GuardedResolver(CachingHostnameResolver):
    """Resolves IPv4 and IPv6 and returns only what may be contacted; no address left means that the name is not found."""

    def __init__(self, reactor: Any, cache_size: int, session: Session) -> None:
        super().__init__(reactor, cache_size)
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> GuardedResolver:
        """Make the resolver; `crawler` is the process that runs the crawl (Scrapy passes it, not the crawler)."""
        return cls(reactor, crawler.settings.getint("DNSCACHE_SIZE"), crawler.session)

    def resolveHostName(  # noqa: N802  # Twisted's interface
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Resolve as the parent does, through the guard; cached addresses pass it again."""
        guarded: Any = _AllowedOnly(resolutionReceiver, hostName, self._session)
        return super().resolveHostName(guarded, hostName, portNumber, addressTypes, transportSemantics)
