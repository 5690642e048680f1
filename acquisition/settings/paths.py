"""What splits and files of the curated set may be called, on every disk and by `datasets`."""

from __future__ import annotations

import re
from typing import Final

_DEVICE: Final = re.compile(
    r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3])\s*(\..*)?", re.DOTALL
)
_TAKEN: Final = frozenset(
    {"readme.md", "metadata.jsonl", "audio.jsonl", "image.jsonl", "text.jsonl", "table.jsonl", "other.jsonl"}
)
SPLIT_NAME: Final = re.compile(r"(?!_|(?i:all)\Z)[A-Za-z0-9_]{1,60}(?:\.[A-Za-z0-9_]{1,60}){0,3}", re.ASCII)
"""What `datasets` takes for the name of a split: words with dots between them, no dashes, and not "all", its word for the union
(5.2, NamedSplit). Tables that begin with _ are passed over by `pyarrow.dataset`, Spark and Hive."""


def is_device(name: str) -> bool:
    """Say whether Windows takes a file name for a device, whatever its ending ("nul.txt"; Microsoft, "Naming Files")."""
    return _DEVICE.fullmatch(name) is not None


def is_split_name(name: str) -> bool:
    """Say whether a split may be called so: `datasets` takes the name, and a folder of that name can lie in the set."""
    return SPLIT_NAME.fullmatch(name) is not None and not is_device(name) and name.casefold() not in _TAKEN


def check_split_name(name: str) -> None:
    """Raise ValueError, with a name that could stand for it, when a split cannot be called so."""
    if not is_split_name(name):
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
        advice = f"; write {plain}" if is_split_name(plain) else ""
        wanted = "readers want letters, digits, _ and dots, no _ before them, and no word of their own such as all"
        raise ValueError(f"{name!r} cannot be the name of a split: {wanted}{advice}")


PLACEHOLDERS: Final = ("split", "class", "name", "id", "source", "ext")
"""What `curated.path` may name."""
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_REFUSED: Final = re.compile(r'[\x00-\x1f\x7f\\<>:"|?*#$]')


def path_problem(path: str) -> str:
    """Return what is wrong with a path template, "" when nothing is: a relative path that names each item by itself."""
    names = PLACEHOLDER.findall(path)
    unknown = [name for name in names if name not in PLACEHOLDERS]
    if unknown:
        return f"there is no placeholder {{{unknown[0]}}}; there are: {', '.join(PLACEHOLDERS)}"
    plain = PLACEHOLDER.sub("x", path)
    if "{" in plain or "}" in plain:
        return "a brace is not closed"
    parts = plain.split("/")
    if path.startswith("~") or any(part in {"", ".", ".."} for part in parts):
        return "it must be a relative path of plain names that stays inside the curated set"
    if found := _REFUSED.search(plain):
        return f"{found[0]!r} cannot be in the name of a file"
    for part in PLACEHOLDER.sub("\0", path).split("/"):
        if part != part.strip(" .") or is_device(part) or part.casefold() in _TAKEN or len(part.encode()) > 100:
            return f"{part!r} cannot be a folder or file: Windows or the set itself has other uses for it, or it is too long"
    if not {"name", "id"} & set(names):
        return "it names neither {name} nor {id}, so all items would be one file"
    return "" if len(parts) <= 10 else "it has more than ten folders"
