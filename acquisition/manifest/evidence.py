"""Evidence as bytes: license texts, cards, terms and robots.txt, by their digest, once each.

They lie in `<workspace>/evidence/<sha256>`, and those that a manifest cites in its folder `evidence/` as well, with a list of
what each of them is. What is too large, or beyond what one manifest may hold, is named by its digest alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

FOLDER: Final = "evidence"
INDEX: Final = "evidence.jsonl"
MAX_BYTES: Final = 2_000_000
"""Bytes of one piece; a license or a robots.txt is never that long."""
MAX_TOTAL: Final = 256_000_000
MAX_PIECES: Final = 20_000
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cited:
    """Why a piece of evidence is kept: whose it is, what it is, where it was found and when."""

    sha256: str
    bytes: int
    source: str
    field: str
    url: str
    at: str


class EvidenceStore:
    """The evidence of one workspace, and what the manifest that is being written cites of it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cited: dict[tuple[str, str, str], Cited] = {}
        self._sizes: dict[str, int] = {}
        self._total = self._more = 0
        self.left_out: set[str] = set()
        """Digests of what is named and not kept: too large, or too much in all."""

    def keep(self, content: bytes, *, source: str, field: str, url: str = "", at: str = "", sha256: str = "") -> str:
        """Keep bytes and return their place in a manifest ("evidence/<sha256>"), "" where they are not kept.

        With `sha256` they must be what it says; bytes that are not (a text that was cut, or decoded with losses) are not kept.
        """
        digest = hashlib.sha256(content).hexdigest()
        if sha256 and digest != sha256:
            return self._leave(sha256)
        if digest not in self._sizes:
            full = len(self._sizes) >= MAX_PIECES or self._total + len(content) > MAX_TOTAL
            if full or not content or len(content) > MAX_BYTES:
                return self._leave(digest)
            target = self._root / digest
            if not (target.is_file() and target.read_bytes() == content):
                self._put(target, content)
            self._sizes[digest] = len(content)
            self._total += len(content)
        self._cited.setdefault((digest, source, field), Cited(digest, len(content), source, field, url, at))
        return f"{FOLDER}/{digest}"

    def _put(self, target: Path, content: bytes) -> None:
        """Write a piece that appears whole or not at all. A crawl has thousands: no disk is waited for; the next run mends."""
        self._root.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(target)

    def _leave(self, digest: str) -> str:
        """Note what is named and not kept; beyond MAX_PIECES of them only their number is."""
        if len(self.left_out) < MAX_PIECES:
            self.left_out.add(digest)
        else:
            self._more += digest not in self.left_out
        return ""

    @property
    def named_only(self) -> int:
        """How many pieces are named by their digest alone; of very many some may be counted twice."""
        return len(self.left_out) + self._more

    @property
    def pieces(self) -> int:
        """How many pieces are cited and kept."""
        return len(self._sizes)

    @property
    def bytes(self) -> int:
        """How many bytes these are in all."""
        return self._total

    def write(self, directory: Path) -> None:
        """Copy what is cited into a manifest's folder, with the list of it."""
        (directory / FOLDER).mkdir()
        for digest in sorted(self._sizes):
            shutil.copyfile(self._root / digest, directory / FOLDER / digest)
        with (directory / INDEX).open("xb") as stream:
            for _, cited in sorted(self._cited.items()):
                stream.write(orjson.dumps(asdict(cited), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))

    def sweep(self) -> None:
        """Remove what the manifest does not cite: evidence of what is gone is gone with it."""
        if self._root.is_dir():
            for path in self._root.iterdir():
                ours = _SHA256.fullmatch(path.name.removeprefix(".").removesuffix(".tmp"))
                if ours and path.name not in self._sizes:
                    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class SiteFile:
    """One file about rights as a site gave it (robots.txt, ai.txt, tdmrep.json…): its address, its bytes, and when."""

    url: str
    content: bytes
    at: str
