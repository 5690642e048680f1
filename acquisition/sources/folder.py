"""Files of one's own, where they lie: a folder is walked, nothing in it is changed, nothing outside it is taken."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from acquisition.errors import SourceForbidden, SourceNotFound
from acquisition.model import Asset
from acquisition.protocols import ResolveContext
from acquisition.sources.credentials import home

_CLUTTER: Final = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_CLUTTER_FOLDERS: Final = frozenset({"__macosx"})
_CLUTTER_ENDINGS: Final = (".asd", ".reapeaks")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_EXAMPLES: Final = 3


@dataclass(slots=True)
class Walk:
    """What a walk found: assets in the order of their paths, and how many entries were left out for which reason."""

    assets: list[Asset] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, reason: str, path: str) -> None:
        """Count one entry that is not taken, and keep the first few as examples."""
        self.left_out[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < _EXAMPLES:
            shown.append(path.encode("utf-8", "replace").decode())

    def notes(self) -> tuple[str, ...]:
        """Return one sentence for each reason, with the count and examples."""
        return tuple(
            f"{count:,} {reason}: {', '.join(self.examples[reason])}{'…' if count > _EXAMPLES else ''}"
            for reason, count in sorted(self.left_out.items())
        )


def declared_path(text: str, context: ResolveContext) -> Path:
    """Return a path of the declaration: `~` and `${NAME}` are expanded, a relative one starts beside sources.yaml."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in context.environment:
            raise SourceNotFound(
                f"the path {text!r} names the environment variable {match[1]}, which is not set", hint=f"Set {match[1]}."
            )
        return context.environment[match[1]]

    expanded = _VARIABLE.sub(value, text)
    at_home = home(context.environment)
    if at_home and (expanded == "~" or expanded.startswith("~/")):
        return at_home / expanded[2:]
    return context.base / expanded


def walked(root: Path) -> Walk:
    """Return the files below a folder (or the one file); SourceNotFound when nothing is there.

    Asset paths are NFC and sorted; `local_path` is the real one. Left out and counted: links that lead outside, links to
    folders, devices and pipes, names that are not UTF-8, clutter of desktops and audio programs, folders that cannot be read.
    """
    try:
        real = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SourceNotFound(f"there is no {root}: {_reason(error)}", where=str(root)) from error
    walk = Walk()
    if real.is_file():
        _take(walk, real.name, real)
        return walk
    if not real.is_dir():
        raise SourceForbidden(f"{root} is neither a file nor a folder", where=str(root))
    found = dict(_files(real, walk))
    names = {relative: unicodedata.normalize("NFC", relative) for relative in found}
    taken = Counter(names.values())
    for relative in sorted(found, key=lambda name: (names[name], name)):
        composed = names[relative]
        _take(walk, composed if taken[composed] == 1 or composed == relative else relative, found[relative])
    walk.assets.sort(key=lambda asset: asset.path)
    return walk


def _files(root: Path, walk: Walk) -> Iterator[tuple[str, Path]]:
    """Yield every regular file that may be taken, with its path relative to the root."""

    def unreadable(error: OSError) -> None:
        walk.leave_out("folders that cannot be read", os.path.relpath(error.filename or root, root))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        here = Path(folder)
        kept = []
        for name in sorted(folders):
            relative = (here / name).relative_to(root).as_posix()
            if name.lower() in _CLUTTER_FOLDERS:
                walk.leave_out("folders of clutter", relative)
            elif (here / name).is_symlink():
                walk.leave_out("links to folders (not followed)", relative)
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            path = here / name
            relative = path.relative_to(root).as_posix()
            if reason := _refusal(root, path, relative):
                walk.leave_out(reason, relative)
            else:
                yield relative, path


def _refusal(root: Path, path: Path, relative: str) -> str:
    """Return why a file is not taken, "" when it is."""
    name = path.name.lower()
    if name in _CLUTTER or name.startswith("._") or name.endswith(_CLUTTER_ENDINGS):
        return "files of clutter"
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError:
        return "files whose names are not UTF-8"
    if any(ord(character) < 32 for character in relative):
        return "files with control characters in their names"
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root):
            return "links that lead outside the folder"
        if not stat.S_ISREG(path.stat().st_mode):
            return "entries that are not files (devices, pipes, sockets)"
    except (OSError, RuntimeError):
        return "links that lead nowhere"
    return "" if os.access(path, os.R_OK) else "files that cannot be read"


def _take(walk: Walk, name: str, path: Path) -> None:
    status = path.stat()
    if status.st_size == 0:
        walk.leave_out("files of zero bytes (taken, nothing can be read from them)", name)
    walk.assets.append(Asset(name, size=status.st_size, local_path=str(path), modified_ns=status.st_mtime_ns))


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
