"""Places on the maker's machine that declaration and lock name: both go along with a bundle as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from acquisition.pipeline.session import Session
from acquisition.settings import FilterSettings

ADVICE: Final = "write it relative to sources.yaml, or with ${NAME}"
_KEYS: Final = frozenset({"path", "evidence", "table"})
"""Keys of a source under which a file or folder is named; what filters read, their settings tell (`inputs`)."""
_OF_A_MACHINE: Final = re.compile(r"~|/|\\\\|[A-Za-z]:[\\/]|file:", re.ASCII)


def whereabouts(session: Session) -> tuple[tuple[str, str], ...]:
    """Return file:line and what stands there, for each path that is absolute or begins at a home, in the order of the files.

    Of remarks and of the lock, which hold no paths by themselves, those lines are named that speak of the folder of
    sources.yaml or of the user's home.
    """
    found = dict(sorted(_declared(session)))
    files = [path for path in (session.declared.path, session.lock_path) if path.is_file()]
    own = _own_folders(session)
    for path in files if own is not None else ():
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if own is not None and (told := own.search(line)):
                    found.setdefault((str(path), number), told[0])
    order = [str(path) for path in files]
    places = sorted(found, key=lambda place: (order.index(place[0]), place[1]))
    return tuple((f"{path}:{line}", found[path, line]) for path, line in places)


def _declared(session: Session) -> Iterator[tuple[tuple[str, int], str]]:
    declared = session.declared
    filters = (one for one in declared.declaration.filters.values() if isinstance(one, FilterSettings))
    read = {name for one in filters for name in one.inputs()}
    for loc, node in declared.tree.walk():
        key = next((part for part in reversed(loc) if isinstance(part, str)), "")
        names = (loc[:1] == ("sources",) and key in _KEYS) or (loc[:1] == ("filters",) and node.scalar in read)
        if names and isinstance(node.scalar, str) and _OF_A_MACHINE.match(node.scalar):
            yield (str(declared.path), node.place.line), f"{key}: {node.scalar}"


def _own_folders(session: Session) -> re.Pattern[str] | None:
    """Return what finds the user's home and the folder of the declaration as whole paths, None where neither tells anything."""
    folders = {str(session.declared.path.resolve().parent), session.environment.get("HOME", "")}
    known = sorted((re.escape(folder.rstrip("/")) for folder in folders if Path(folder).parts[1:]), reverse=True)
    return re.compile(rf"(?<![\w./-])(?:file://)?(?:{'|'.join(known)})(?![\w.-])[^\s\"']*") if known else None
