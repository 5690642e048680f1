"""Labels → classes, and classes → folder names that are safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from acquisition.errors import UsageError
from acquisition.model import Modality

UNLABELLED: Final = "unlabelled"
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*#]+')
_DEVICES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_MAX_BYTES: Final = 100
RESERVED: Final = frozenset({"readme.md", "metadata.jsonl", *(f"{modality}.jsonl" for modality in Modality)})
"""Files that a layout writes beside the classes' folders, in lower case."""


def class_of_label(classes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return label → class as declared; a class stands for itself. UsageError when a label is claimed by two classes."""
    found = {name: name for name in classes}
    for name, labels in classes.items():
        for label in labels:
            if found.setdefault(label, name) != name:
                raise UsageError(
                    f"label {label!r} is claimed by two classes: {found[label]!r} and {name!r}",
                    where="curated.classes",
                    hint="Name every label under one class only.",
                )
    return found


def safe_name(text: str) -> str:
    """Return `text` as one path component: no separators, control or reserved characters, at most 100 bytes, never empty."""
    name = _UNSAFE.sub("-", unicodedata.normalize("NFC", text)).strip(" .")
    if not name or _DEVICES.fullmatch(name):
        name = f"_{name}"
    encoded = name.encode("utf-8", "replace")
    if len(encoded) > _MAX_BYTES:
        name = encoded[: _MAX_BYTES - 9].decode("utf-8", "ignore").rstrip(" .") + "-" + short_hash(text)
    return name


def short_hash(text: str, length: int = 8) -> str:
    """Return the first hexadecimal digits of the text's sha256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def folder_names(classes: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return class → folder name, one folder for each class, and a note for each class that had to be renamed.

    Two classes that would fall into one folder (also where case is ignored) stay apart: the one whose name is already
    safe keeps it, the others get a suffix that depends on their name alone.
    """
    folders: dict[str, str] = {}
    taken: dict[str, str] = {}
    notes = []
    for name in sorted(classes, key=lambda name: (safe_name(name) != name, name)):
        folder = safe_name(name)
        other = taken.get(folder.casefold())
        if folder.casefold() in RESERVED:
            folder = f"{folder}-{short_hash(name, 6)}"
            notes.append(f"class {name!r} lies in folder {folder!r}, because a file of the set has the other name")
        elif other is not None:
            folder = f"{folder}-{short_hash(name, 6)}"
            notes.append(f"class {name!r} lies in folder {folder!r}, because {other!r} already has the other name")
        elif folder != name:
            notes.append(f"class {name!r} lies in folder {folder!r}")
        taken[folder.casefold()] = name
        folders[name] = folder
    return folders, tuple(notes)
