"""When a run leaves the set that stands as it is: for want of sources, or because the world is not what the lock says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from acquisition.errors import AcquisitionError, LicenseDrift, NotHere, NotInLock, Refused
from acquisition.pipeline.moving import Moved
from acquisition.pipeline.session import Session

_NOT_AS_LOCKED: Final = (LicenseDrift, NotHere, NotInLock)


def left_standing(
    session: Session, moved: Mapping[str, Moved], staged: Iterable[str], *, unpinned: bool, strict: bool
) -> tuple[str, ...] | None:
    """Return None where the set is to be made, else the sources, each with its error's code, for which it is not.

    `staged` are the names of the sources that take part. With `strict` (`--locked`, `--offline`) a set that stands is made
    anew of all that the lock says or not at all. With `unpinned` something has to leave the set, and sources that the lock
    does not hold are no reason to leave it as it stands.
    """
    stands = session.workspace.curated.is_dir()
    missing = not any(True for _ in staged) and _is_missing(moved, stands=stands, unpinned=unpinned)
    kinds: tuple[type[AcquisitionError], ...] = (AcquisitionError,) if missing else _NOT_AS_LOCKED
    named = tuple(_named(moved, kinds)) if stands and (missing or strict) else ()
    return named if missing or named else None


def _named(moved: Mapping[str, Moved], kinds: tuple[type[AcquisitionError], ...]) -> Iterable[str]:
    for name, source in moved.items():
        if codes := [error.code for error in source.errors if isinstance(error, kinds)]:
            yield f"{name} ({codes[0]})"


def _is_missing(moved: Mapping[str, Moved], *, stands: bool, unpinned: bool) -> bool:
    """Say whether nothing is staged for want of it, and not because the policy wants none.

    A folder that is not mounted must not empty the set that stands, and no set is made of what nobody has fetched.
    """
    errors = [error for source in moved.values() for error in source.errors]
    if not stands:
        return all(isinstance(error, (NotHere, NotInLock)) for error in errors)  # a first fetch's refusals: a manifest tells
    if not unpinned and not errors and any(source.planned.is_unknown for source in moved.values()):
        return True
    kept = () if unpinned else (NotInLock,)
    return any(isinstance(error, (NotHere, *kept)) or not isinstance(error, Refused) for error in errors)
