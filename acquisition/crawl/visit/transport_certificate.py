"""What a TLS server showed: subject, issuer and fingerprint of its certificate, kept with every answer of the connection."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import pycurl

from acquisition.crawl.visit.guard import Site

_REMEMBERED: Final = 1_024
_LONGEST: Final = 1_000
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Certificates:
    """Remembers what a site's last handshake showed, because a connection that is used again shows nothing."""

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown: dict[tuple[str, int], Mapping[str, str]] = {}

    def of(self, curl: Any, site: Site) -> Mapping[str, str]:
        """Return subject, issuer and sha256 (hex, of the DER form) of the server's own certificate, as far as known."""
        key = site.host, site.port
        chain = curl.getinfo(pycurl.INFO_CERTINFO) if curl.getinfo(pycurl.NUM_CONNECTS) or key not in self._shown else ()
        if chain:
            if len(self._shown) >= _REMEMBERED:
                self._shown.clear()
            self._shown[key] = MappingProxyType(facts(chain[0]))
        return self._shown.get(key, _NOTHING)


def facts(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the facts of one certificate from libcurl's (name, text) pairs."""
    named = dict(fields)
    found = {key: named[name][:_LONGEST] for key, name in (("subject", "Subject"), ("issuer", "Issuer")) if name in named}
    try:
        der = base64.b64decode("".join(named.get("Cert", "").splitlines()[1:-1]), validate=True)
    except binascii.Error:
        return found
    return found | {"sha256": hashlib.sha256(der).hexdigest()} if der else found
