"""Reads the lists of terms that the declaration names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from acquisition.errors import FilterUnavailable
from acquisition.filters.adult.addresses import Addresses
from acquisition.filters.adult.terms import Terms

_LARGEST: Final = 512 << 20
_TERM: Final = 200
_HINT: Final = "Paths are relative to sources.yaml; nothing is downloaded. Take the entry out to run without it."


def read_terms(paths: Sequence[str], base: Path, where: str) -> Terms:
    """Return the terms of files, or of all files of folders: one per line, # begins a comment.

    FilterUnavailable when one is not there, is too large, or holds no term.
    """
    terms: list[str] = []
    for path in _files(paths, base, where):
        try:
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError as error:
            raise FilterUnavailable(
                f"the list cannot be read: {error.strerror}", where=f"{where}: {path}", hint=_HINT
            ) from error
        own = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        terms += [term for term in own if len(term) <= _TERM]
        if not own:
            raise FilterUnavailable("the list holds no term", where=f"{where}: {path}", hint=_HINT)
    return Terms.of(terms)


def read_addresses(paths: Sequence[str], base: Path, where: str) -> Addresses:
    """Return the domains and addresses of list files; FilterUnavailable as `read_terms`."""
    made = []
    for path in _files(paths, base, where):
        try:
            addresses = Addresses.read(path)
        except OSError as error:
            raise FilterUnavailable(
                f"the list cannot be read: {error.strerror}", where=f"{where}: {path}", hint=_HINT
            ) from error
        if not len(addresses):
            raise FilterUnavailable("the list holds no domain and no address", where=f"{where}: {path}", hint=_HINT)
        made.append(addresses)
    return Addresses.merged(made)


def _files(paths: Sequence[str], base: Path, where: str) -> Iterator[Path]:
    for name in paths:
        path = base / name
        inside = (
            sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")) if path.is_dir() else [path]
        )
        for one in inside:
            if path.is_dir() and one.name.upper() in ("LICENSE", "README.MD", "README", "USERS.MD"):
                continue
            if not one.is_file():
                raise FilterUnavailable("the list is not there", where=f"{where}: {one}", hint=_HINT)
            if one.stat().st_size > _LARGEST:
                raise FilterUnavailable("the list is larger than 512 MB", where=f"{where}: {one}", hint=_HINT)
            yield one
