"""Every error that a person can meet, as one tree.

AcquisitionError
├── DeclarationError        run     sources.yaml cannot be accepted; carries every problem at once
│   └── LockDamaged
├── UsageError              run     the command cannot be carried out as it was typed
├── WorkspaceError          run     the workspace cannot be used
│   ├── WorkspaceLocked
│   ├── DiskFull
│   └── WorkspaceDamaged
├── Refused                 source  policy, a limit or a safety rule says no; not a failure
│   ├── LicenseRefused
│   ├── LicenseDrift
│   ├── NotHere
│   ├── LimitReached
│   ├── AddressRefused
│   ├── NotInLock
│   ├── PlanChanged
│   ├── BundleRefused
│   ├── PushRefused
│   ├── PushConflict
│   └── NoContact
├── CredentialsError        source  somebody has to log in or accept terms first
│   ├── CredentialsMissing
│   ├── CredentialsRejected
│   └── TermsNeeded
├── SourceError             source  the origin cannot be resolved
│   ├── SourceNotFound
│   ├── SourceRemoved
│   ├── SourceForbidden
│   ├── SourceUnavailable
│   └── ProtocolError
├── TransferError           asset   bytes did not arrive as they were published
│   ├── DigestMismatch
│   ├── SizeMismatch
│   ├── TransferStalled
│   ├── TransferCut
│   ├── UnexpectedBody
│   ├── HttpStatus
│   ├── RangeIgnored
│   └── FileChanged
├── ReadError               asset   bytes arrived but cannot be read as what they claim to be
│   ├── ArchiveRefused
│   ├── Undecodable
│   └── FormatUnknown
├── PluginError             source  a plug-in broke its contract
├── ExportRefused           run     a format of the manifest would say more than the ledger knows
├── FilterUnavailable       run     a filter was asked for what is not installed or not there
└── Interrupted             run     Ctrl-C; the state is saved

Every class has a `code` that docs/errors.md explains. `scope` says what an error ends: an asset, a source, or the run.
A record that one bad row, member or file leaves behind is not an exception but a `Rejection` (see model.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Scope = Literal["asset", "source", "run"]

EXIT_DONE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_CREDENTIALS = 4
EXIT_REFUSED = 5
EXIT_INTERRUPTED = 130


class AcquisitionError(Exception):
    """What happened, where, and what to do next.

    `where` is a file:line:column, a URL or a path; `hint` is one sentence that starts with a verb.
    """

    code: ClassVar[str] = "error"
    scope: ClassVar[Scope] = "run"
    exit_code: ClassVar[int] = EXIT_PARTIAL
    status: int = 0
    """The HTTP status that stands behind the error, 0 when there is none; set by `acquisition.api`."""
    said: str = ""
    """The server's own message behind the error, shortened and without secrets; "" when there is none."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders: pickle by value, not by Exception.args."""
        return (_rebuild, (type(self), self.message, self.where, self.hint))


def _rebuild(kind: type[AcquisitionError], message: str, where: str, hint: str) -> AcquisitionError:
    return kind(message, where=where, hint=hint)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a declaration, with its place (line and column count from 1)."""

    code: str
    message: str
    file: str
    line: int
    column: int
    hint: str = ""

    @property
    def where(self) -> str:
        """The place as editors and terminals understand it."""
        return f"{self.file}:{self.line}:{self.column}"


class DeclarationError(AcquisitionError):
    """sources.yaml cannot be accepted; `problems` holds all of it, in the order of the file."""

    code = "declaration"
    exit_code = EXIT_USAGE

    def __init__(self, message: str, *, where: str = "", hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = tuple(problems)


class LockDamaged(DeclarationError):
    """sources.lock was cut, edited by hand, contradicts itself or is of another version; `problems` have line and field."""

    code = "lock"


class UsageError(AcquisitionError):
    """The command cannot be carried out as it was typed."""

    code = "usage"
    exit_code = EXIT_USAGE


class WorkspaceError(AcquisitionError):
    """The workspace cannot be used."""

    code = "workspace"


class WorkspaceLocked(WorkspaceError):
    """Another run holds the workspace; the message says who."""

    code = "workspace-locked"


class DiskFull(WorkspaceError):
    """There is less room than the work needs and the reserve demands."""

    code = "disk-full"


class WorkspaceDamaged(WorkspaceError):
    """A file of the workspace is missing or is not what its digest says."""

    code = "workspace-damaged"


class Refused(AcquisitionError):
    """Policy, a limit or a safety rule says no. A refusal is not a failure: it is counted, recorded and shown."""

    code = "refused"
    scope: ClassVar[Scope] = "source"
    exit_code = EXIT_REFUSED


class LicenseRefused(Refused):
    """Policy would drop every item on its license alone, so nothing is downloaded."""

    code = "license-refused"


class LicenseDrift(Refused):
    """The publisher gives another license (or other terms) than the lock holds, and nothing goes on with it unseen."""

    code = "license-drift"


class NotHere(Refused):
    """`--offline` was asked for, and this is neither pinned nor here."""

    code = "not-here"


class LimitReached(Refused):
    """A declared limit on bytes, items, pages or time is reached."""

    code = "limit-reached"


class AddressRefused(Refused):
    """The address is not public and nothing in the declaration allows it."""

    code = "address-refused"


class NotInLock(Refused):
    """`--locked` was asked for and sources.lock does not hold this, or holds something else."""

    code = "not-in-lock"


class PlanChanged(Refused):
    """A plan was to be carried out exactly, and the world or the declaration is not as planned any more."""

    code = "plan-changed"
    scope: ClassVar[Scope] = "run"


class PushRefused(Refused):
    """The set may not be passed on as it is: a license, the terms, an embargo, or files that are not what was written."""

    code = "push-refused"
    scope: ClassVar[Scope] = "run"


class PushConflict(Refused):
    """The repository that is pushed to is not as it was when it was looked at."""

    code = "push-conflict"
    scope: ClassVar[Scope] = "run"


class BundleRefused(Refused):
    """Nothing of the set may be passed on, or what it owes to those who made it cannot go along."""

    code = "bundle-refused"
    scope = "run"


class NoContact(Refused):
    """Nothing is crawled without a contact in the declaration."""

    code = "no-contact"


class CredentialsError(AcquisitionError):
    """Somebody has to log in or to accept terms first."""

    code = "credentials"
    scope = "source"
    exit_code = EXIT_CREDENTIALS


class CredentialsMissing(CredentialsError):
    """No credential was found; the message names every place that was looked at."""

    code = "credentials-missing"


class CredentialsRejected(CredentialsError):
    """The server does not accept the credential that was found."""

    code = "credentials-rejected"


class TermsNeeded(CredentialsError):
    """The publisher's terms must be accepted by a person, on the page that the hint names."""

    code = "terms-needed"


class SourceError(AcquisitionError):
    """The origin cannot be resolved to a release."""

    code = "source"
    scope = "source"


class SourceNotFound(SourceError):
    """The server knows no such dataset, revision or file (private ones may look the same)."""

    code = "source-not-found"


class SourceRemoved(SourceError):
    """The publisher has taken the dataset down."""

    code = "source-removed"


class SourceForbidden(SourceError):
    """The server refuses, and neither a log-in nor terms are known to help."""

    code = "source-forbidden"


class SourceUnavailable(SourceError):
    """The server cannot be reached or fails; trying again later may help."""

    code = "source-unavailable"


class ProtocolError(SourceError):
    """The server's answer does not have the form that its protocol promises."""

    code = "protocol"


class TransferError(AcquisitionError):
    """Bytes did not arrive as they were published."""

    code = "transfer"
    scope = "asset"


class DigestMismatch(TransferError):
    """All bytes arrived and they are not the published ones."""

    code = "digest-mismatch"


class SizeMismatch(TransferError):
    """The file is longer or shorter than was published."""

    code = "size-mismatch"


class TransferStalled(TransferError):
    """The server stopped sending for longer than the stall time-out allows."""

    code = "transfer-stalled"


class TransferCut(TransferError):
    """The connection failed or ended before the body did, more often than retries allow."""

    code = "transfer-cut"


class UnexpectedBody(TransferError):
    """The body is a web page (or empty) where data was promised."""

    code = "unexpected-body"


class HttpStatus(TransferError):
    """The server answered with a status that carries no data."""

    code = "http-status"


class RangeIgnored(TransferError):
    """The server's partial answer is not the part that was asked for."""

    code = "range-ignored"


class FileChanged(TransferError):
    """A file of the user's own is no longer as it was planned, or changed while it was read."""

    code = "file-changed"


class ReadError(AcquisitionError):
    """Bytes arrived but cannot be read as what they claim to be."""

    code = "read"
    scope = "asset"


class ArchiveRefused(ReadError):
    """The archive is damaged or attacks: traversal, links, devices, a bomb, or too deep a nest."""

    code = "archive-refused"


class Undecodable(ReadError):
    """No declared or detected encoding decodes the text."""

    code = "undecodable"


class FormatUnknown(ReadError):
    """No reader recognises the file."""

    code = "format-unknown"


class PluginError(AcquisitionError):
    """A plug-in broke its contract; the message names it."""

    code = "plugin"
    scope = "source"


class ExportRefused(AcquisitionError):
    """A format of the manifest would say more than the ledger knows, or something else than the set is."""

    code = "export-refused"


class FilterUnavailable(AcquisitionError):
    """The declaration asks a filter for a model, a list or a package that is not there: nothing is clean for want of it."""

    code = "filter-unavailable"
    scope = "run"
    exit_code = EXIT_USAGE


class Interrupted(AcquisitionError):
    """The run was stopped by a person; everything finished is kept."""

    code = "interrupted"
    exit_code = EXIT_INTERRUPTED
