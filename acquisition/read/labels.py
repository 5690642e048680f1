"""A label, group or split picked from a folder, a file name, a column or a declared text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acquisition.content import split_member
from acquisition.content.limits import Unreadable
from acquisition.model import joined_labels, labels_of
from acquisition.protocols import ReadContext
from acquisition.settings import PickSettings

PATTERN_SECONDS: Final = 0.5
"""Time for one match: a declared pattern may be slow on a hostile name."""


def folder_path(context: ReadContext) -> tuple[tuple[str, ...], str]:
    """Return the folders of a file and its name. Folders inside an archive follow those that the archive lies in."""
    names = (context.asset, *split_member(context.member)[0])
    folders = tuple(part for name in names for part in name.split("/")[:-1])
    return folders, names[-1].split("/")[-1]


class Picker:
    """Applies one `label:`, `group:` or `split:` setting."""

    def __init__(self, settings: PickSettings) -> None:
        self._settings = settings
        self._pattern = _compiled(settings.pattern) if settings.pattern else None

    def of_path(self, context: ReadContext) -> str | None:
        """Return what the file's path gives, None where it gives nothing."""
        settings = self._settings
        if settings.from_ == "text":
            return settings.value or None
        folders, name = folder_path(context)
        if settings.from_ == "file":
            found = name.rsplit(".", 1)[0]
        elif settings.from_ == "folder":
            level = settings.level
            found = folders[level] if -len(folders) <= level < len(folders) else ""
        else:
            return None
        return self.of_value(self._matched(found))

    def of_value(self, found: str | None) -> str | None:
        """Return what was found after the renaming, None for nothing; several labels are renamed each by itself."""
        if not found:
            return None
        settings = self._settings
        if settings.separator:
            labels = tuple(part.strip() for part in found.split(settings.separator))
        elif (labels := labels_of(found)) == (found,):
            return settings.rename.get(found, found)
        return joined_labels(settings.rename.get(label, label) for label in labels if label) or None

    def of_cells(self, names: Sequence[str], cells: Sequence[str | None]) -> str | None:
        """Return the labels that several columns of one row give together, None for none."""
        if self._settings.cells == "yes-no":
            found = [name for name, cell in zip(names, cells, strict=True) if cell is not None and _is_yes(cell)]
            return joined_labels(self._settings.rename.get(name, name) for name in found) or None
        labels = [label for cell in cells for label in labels_of(self.of_value(cell))]
        return joined_labels(labels) or None

    def _matched(self, text: str) -> str | None:
        if self._pattern is None or not text:
            return text
        try:
            match = self._pattern.search(text, timeout=PATTERN_SECONDS)
        except TimeoutError as error:
            raise Unreadable(
                "pattern-timeout", f"the pattern takes longer than {PATTERN_SECONDS} s on {text[:80]!r}"
            ) from error
        if match is None:
            return None
        found: str | None = match[1] if match.re.groups else match[0]
        return found


def _is_yes(cell: str) -> bool:
    return cell.strip().casefold() in {"1", "1.0", "true", "t", "yes", "y"}


def _compiled(pattern: str) -> Any:
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise Unreadable("bad-pattern", f"{pattern!r} is not a regular expression: {error}") from error
