"""What a bundle looks like: the names of its parts, its limits, and which names may stand in it at all.

<name>-<version>/
├── README.md  bundle.json      what it is, for people and for machines
├── sources.yaml  sources.lock  what was declared, and what exactly was taken
├── decisions.jsonl
├── curated/                    the set, without what may not be passed on
├── manifest/                   the papers, with the evidence as bytes
├── contexts.json  contexts/    JSON-LD contexts that the papers name by an address, and what stands for them
├── not-included.jsonl          every item and file that is not here or not as it was, and why
├── SHA256SUMS                  of everything above, as `sha256sum --check` reads it
└── SHA256SUMS.sig              ed25519 over SHA256SUMS, where it was signed
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final, Literal

from acquisition.settings import is_device

FORMAT: Final = 1
ABOUT: Final = "bundle.json"
README: Final = "README.md"
CONTEXTS: Final = "contexts.json"
NOT_INCLUDED: Final = "not-included.jsonl"
SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.sig"
CURATED: Final = "curated"
MANIFEST: Final = "manifest"
DECLARATION: Final = "sources.yaml"
LOCK: Final = "sources.lock"
DECISIONS: Final = "decisions.jsonl"
PAPERS: Final = (DECLARATION, LOCK, DECISIONS)
_RESERVED: Final = frozenset('<>:"|?*')

MAX_NAME: Final = 4_096
MAX_FILES: Final = 20_000_000
MAX_SMALL: Final = 4_000_000
"""Bytes of a paper that is read whole: bundle.json, a header of the tar."""
MAX_LIST: Final = 4_000_000_000
"""Bytes of a list that is read line by line, and of the ledger."""
MAX_WHOLE: Final = 200_000_000
"""Bytes of a record that is read back whole (the lock, decisions); of a longer one the digest alone is compared."""

Code = Literal[
    "bundle.missing-file",
    "bundle.changed-file",
    "bundle.extra-file",
    "bundle.unsafe-name",
    "bundle.unsafe-member",
    "bundle.duplicate",
    "bundle.truncated",
    "bundle.too-large",
    "bundle.damaged",
    "bundle.contradiction",
    "bundle.not-redistributable",
    "bundle.not-signed",
    "bundle.wrong-signature",
]
CODES: Final[dict[Code, str]] = {
    "bundle.missing-file": "A file that SHA256SUMS lists is not in the bundle.",
    "bundle.changed-file": "A file is not the one that SHA256SUMS lists.",
    "bundle.extra-file": "The bundle holds a file that SHA256SUMS does not list.",
    "bundle.unsafe-name": "A name is absolute, leads out of the bundle, or cannot be a file's name everywhere.",
    "bundle.unsafe-member": "A link, a device, a sparse file or another member that is no plain file.",
    "bundle.duplicate": "Two members have one name, or names that differ in nothing but case.",
    "bundle.truncated": "The tar ends in the middle, or something follows its end.",
    "bundle.too-large": "A header, a list or a number of files is beyond what a bundle may have.",
    "bundle.damaged": "A paper of the bundle cannot be read.",
    "bundle.contradiction": "The bundle's papers do not agree with each other or with its files.",
    "bundle.not-redistributable": "An item is in the bundle that its license does not allow to be passed on.",
    "bundle.not-signed": "A key was given, and the bundle has no signature.",
    "bundle.wrong-signature": "The signature is not of this key over this SHA256SUMS.",
}


def is_known(name: str) -> bool:
    """Say whether a bundle has a part of this name; what lies in `manifest` its own list of digests names."""
    top = name.partition("/")[0]
    known = {ABOUT, README, CONTEXTS, NOT_INCLUDED, SUMS, SIGNATURE, *PAPERS}
    return name in known or (name != top and top in {CURATED, MANIFEST, "contexts"})


def unsafe(name: str) -> str:
    """Return why a name may not stand in a bundle, "" when it may: relative, below, and the same file everywhere."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        return "empty or longer than a name may be"
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF or letter in "\\\x7f" for letter in name):
        return "characters that no file should have in its name"
    pure = PurePosixPath(name)
    parts = name.split("/")
    if pure.is_absolute() or name[1:2] == ":":
        return "absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "leads elsewhere"
    if any(part[-1] in ". " or is_device(part) or set(part) & _RESERVED for part in parts):
        return "no name of a file on Windows"
    return ""
