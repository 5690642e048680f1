"""Labels → classes, and classes → folder names that are safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from acquisition.model import Modality, labels_of
from acquisition.settings import is_device

UNLABELLED: Final = "unlabelled"
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*#$]+')
"""What a file system refuses, and what readers put something else for: `datasets` expands $HOME in paths (5.2, measured)."""
_MAX_BYTES: Final = 100
RESERVED: Final = frozenset({"readme.md", "metadata.jsonl", *(f"{modality}.jsonl" for modality in Modality)})
"""Files that a layout writes beside the classes' folders, in lower case."""


def class_of_label(classes: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return label → classes as declared, in their order; a class stands for itself, and a label may mean several."""
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in classes}
    for name, labels in classes.items():
        for label in labels:
            found[label] = tuple(dict.fromkeys((*found.get(label, ()), name)))
    return found


def classes_for(label: str | None, classes_of: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return an item's classes in the order of their names; one without a label is "unlabelled", which a class may name."""
    labels = labels_of(label) or (UNLABELLED,)
    return tuple(sorted({name for one in labels for name in classes_of.get(one, (one,))}))


def safe_name(text: str, limit: int = _MAX_BYTES) -> str:
    """Return `text` as one path component: no separators, control or reserved characters, 1 to `limit` bytes."""
    name = _UNSAFE.sub("-", unicodedata.normalize("NFC", text)).strip(" .")
    if not name or is_device(name):
        name = f"_{name}"
    encoded = name.encode("utf-8", "replace")
    if len(encoded) > limit:
        name = encoded[: limit - 9].decode("utf-8", "ignore").rstrip(" .") + "-" + short_hash(text)
    return name


def short_hash(text: str, length: int = 8) -> str:
    """Return the first hexadecimal digits of the text's sha256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def folder_names(classes: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return class → folder name, one folder for each class, and a note for each class that had to be renamed.

    A combination of classes (a JSON list of them) lies in a folder of its own, its classes joined by "+": in the folder of
    one of them it would look as if it were nothing else.

    Two classes that would fall into one folder (also where case is ignored) stay apart: the one whose name is already
    safe keeps it, the others get a suffix that depends on their name alone.
    """
    folders: dict[str, str] = {}
    taken: dict[str, str] = {}
    notes = []
    plain = {name: "+".join(labels_of(name)) or name for name in classes}
    for name in sorted(plain, key=lambda name: (safe_name(name) != name, name)):
        folder = safe_name(plain[name])
        other = taken.get(folder.casefold())
        if folder.casefold() in RESERVED:
            folder = f"{folder}-{short_hash(name, 6)}"
            notes.append(f"class {name!r} lies in folder {folder!r}, because a file of the set has the other name")
        elif other is not None:
            folder = f"{folder}-{short_hash(name, 6)}"
            notes.append(f"class {name!r} lies in folder {folder!r}, because {other!r} already has the other name")
        elif folder != plain[name]:
            notes.append(f"class {name!r} lies in folder {folder!r}")
        taken[folder.casefold()] = name
        folders[name] = folder
    return folders, tuple(notes)
