"""Answers that carry no data, as errors that say what the server said and what a person can do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pycurl

from acquisition.errors import (
    AcquisitionError,
    CredentialsMissing,
    CredentialsRejected,
    HttpStatus,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    SourceUnavailable,
    TermsNeeded,
    TransferCut,
)
from acquisition.fetch.answer import Answer
from acquisition.fetch.body import server_words
from acquisition.network import public_url

REASK: Final = frozenset({400, 401, 403, 404, 410, 416})
"""Statuses with which storage services answer when a signed address has expired."""

_CREDENTIAL_HEADERS: Final = frozenset({"authorization", "cookie", "x-api-key", "x-dataverse-key", "private-token"})
_TLS_CODES: Final = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_ENGINE_INITFAILED,
    }
)
_UNREACHABLE: Final = frozenset({pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_CONNECT})
_HOPELESS: Final = frozenset({pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL})


def status_error(answer: Answer, body: bytes, url: str, headers: Mapping[str, str]) -> AcquisitionError:
    """Return the error for a final answer that is neither 200 nor 206."""
    words = server_words(answer, body)
    said = f": {words}" if words else ""
    where, status = public_url(url), answer.status
    logged_in = any(name.lower() in _CREDENTIAL_HEADERS for name in headers)
    gated = answer.get("x-error-code").lower() == "gatedrepo"
    if status in (401, 403) and (gated or (status == 403 and _speaks_of_terms(words))):
        hint = "Accept the terms on the dataset's page with the account whose credential is used, then run again."
        if not logged_in:
            hint = "Log in (set the credential) and accept the terms on the dataset's page, then run again."
        return TermsNeeded(f"the publisher's terms have to be accepted first (status {status}){said}", where=where, hint=hint)
    if status == 401 and logged_in:
        return CredentialsRejected(
            f"the server does not accept the credential{said}", where=where, hint="Renew the credential."
        )
    if status in (401, 407):
        return CredentialsMissing(f"the server wants a log-in{said}", where=where, hint="Set the credential of this source.")
    if status in (402, 403, 451):
        return SourceForbidden(f"the server refuses with status {status}{said}", where=where)
    if status == 404:
        return SourceNotFound(f"the server has no such file{said}", where=where)
    if status == 410:
        return SourceRemoved(f"the publisher has removed the file{said}", where=where)
    return HttpStatus(f"the server answered with status {status}, which carries no data{said}", where=where)


def _speaks_of_terms(words: str) -> bool:
    text = words.lower()
    return any(term in text for term in ("terms", "consent", "agree", "gated", "accept the", "rules"))


def transport_error(code: int, message: str, url: str) -> tuple[AcquisitionError, bool]:
    """Return the error for a libcurl code, and whether trying again can help."""
    where = public_url(url)
    if code in _TLS_CODES:
        return SourceUnavailable(
            f"the server's certificate cannot be trusted: {message}",
            where=where,
            hint="If your network has its own certificate authority, name its bundle in SSL_CERT_FILE.",
        ), False
    if code in _HOPELESS:
        return ProtocolError(f"the address cannot be used: {message}", where=where), False
    if code in _UNREACHABLE or code == pycurl.E_OPERATION_TIMEDOUT:
        return SourceUnavailable(f"the server cannot be reached: {message}", where=where, hint="Try again later."), True
    return TransferCut(f"the connection failed before the file was complete: {message}", where=where), True
