"""What all handles of libcurl have in common: whom they trust, what they never do, and how their sockets are opened."""

from __future__ import annotations

import os
import socket
from typing import Any, Final

import pycurl

REFUSED: Final = int(pycurl.SOCKET_BAD)
"""What an open-socket callback returns for an address that may not be contacted."""


def harden(curl: Any, ca_file: str) -> None:
    """Set the options that are no matter of taste: http and https only, HTTP/1.1, TLS 1.2 or later, verified against `ca_file`.

    Redirects are not followed, and neither .netrc nor a proxy of the environment is used; whoever wants a proxy names it.
    """
    set_option = curl.setopt
    set_option(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    set_option(pycurl.FOLLOWLOCATION, 0)
    set_option(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    set_option(pycurl.SSL_VERIFYPEER, 1)
    set_option(pycurl.SSL_VERIFYHOST, 2)
    set_option(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
    set_option(pycurl.CAINFO, ca_file)
    set_option(pycurl.NOSIGNAL, 1)
    set_option(pycurl.NETRC, pycurl.NETRC_IGNORED)
    set_option(pycurl.PROXY, "")


def open_socket(family: int, kind: int, protocol: int) -> Handed | int:
    """Return a new socket as an open-socket callback may return it, REFUSED when the system has none left."""
    try:
        return Handed(socket.socket(family, kind, protocol).detach())
    except OSError:
        return REFUSED


class Handed:
    """A socket on its way to libcurl, which duplicates the descriptor; ours is closed when this goes."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)
