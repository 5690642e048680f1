"""A label, group or split picked from a folder, a file name, a column or a declared text."""

from __future__ import annotations

from typing import Any, Final

from acquisition.content import split_member
from acquisition.content.limits import Unreadable
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
        """Return what was found after the renaming, None for nothing."""
        return self._settings.rename.get(found, found) if found else None

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


def _compiled(pattern: str) -> Any:
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise Unreadable("bad-pattern", f"{pattern!r} is not a regular expression: {error}") from error
