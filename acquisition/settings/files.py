"""Which files of a release are taken, and what a glob means."""

from __future__ import annotations

import re
from functools import cache

from acquisition.settings.base import Settings


@cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a glob as a regular expression for whole relative paths with forward slashes.

    `*` and `?` stay inside a folder, `**` crosses folders, `[…]` is a set. A glob without a slash is matched against the
    file's name in any folder (as .gitignore does); a trailing slash takes everything below.
    """
    if "/" not in glob:
        glob = f"**/{glob}"
    if glob.endswith("/"):
        glob += "**"
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", glob.lstrip("/"))
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(special.get(part) or (_glob_set(part) if part[:1] == "[" else re.escape(part)) for part in parts)
    # Between two stars of one folder the first place that fits is as good as any (as in fnmatch): without this a publisher's
    # long name would be tried in all ways.
    return re.compile(re.sub(r"\[\^/\]\*((?:(?!\[\^/\]\*|\.\*|\(\?:).)+)(?=\[\^/\]\*)", r"(?>[^/]*?\1)", pattern))


def _glob_set(part: str) -> str:
    inside = part[1:-1].replace("\\", r"\\")
    return f"[^/{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]"


class FileSettings(Settings):
    """Which files of a release are taken. Globs: * inside a folder, ** across folders; exclude beats include."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def names(self, path: str) -> bool:
        """Say whether `include` names the path itself."""
        return any(glob_pattern(glob).fullmatch(path) for glob in self.include)

    def excludes(self, path: str) -> bool:
        """Say whether `exclude` names the path."""
        return any(glob_pattern(glob).fullmatch(path) for glob in self.exclude)

    def takes(self, path: str) -> bool:
        """Say whether the file at this path is taken."""
        return (not self.include or self.names(path)) and not self.excludes(path)
