"""What proves a license and a reservation in the ledger: quotes with digests, whose bytes the evidence store keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from acquisition.manifest.columns import SIGNAL_WORDS
from acquisition.manifest.evidence import EvidenceStore, SiteFile
from acquisition.model import Evidence, LicenseClaim, Release
from acquisition.rights.evidence import findings

QUOTE: Final = 500
"""Characters of evidence that stand in a row; all of it is kept as bytes."""
_SIGNALS: Final = 200
"""Signals of one item; more are a page that wants to be long."""
Proof = dict[str, str]


class Proofs:
    """Makes the evidence of rows, and gives its bytes to the store."""

    def __init__(
        self,
        store: EvidenceStore | None,
        sites: Mapping[str, Sequence[SiteFile]],
        bytes_of: Callable[[str], bytes | None],
    ) -> None:
        self._store, self._bytes_of = store, bytes_of
        self._sites = {
            (source, file.url): (hashlib.sha256(file.content).hexdigest(), self._site(source, file), file.at)
            for source, files in sorted(sites.items())
            for file in files
        }
        self._read = lru_cache(maxsize=20_000)(_read_signals)

    def _site(self, source: str, file: SiteFile) -> str:
        return self._kept(file.content, Evidence("file of the site", "", file.url, "", file.at), source)

    def _kept(self, content: bytes, one: Evidence, source: str) -> str:
        if self._store is None:
            return ""
        return self._store.keep(content, source=source, field=one.field, url=one.url, at=one.at, sha256=one.sha256)

    def of_claim(self, release: Release, claim: LicenseClaim, declared: str, texts: tuple[Evidence, ...]) -> list[Proof]:
        """Return what a claim of the release rests on: its own evidence, license files that speak, and accepted terms."""
        found = [self._proof(one, release.source, one.raw.encode("utf-8", "surrogatepass")) for one in claim.evidence]
        if claim.level != "item":
            found += [
                self._proof(text, release.source, self._text(text))
                for text, finding in zip(texts, findings(declared, texts), strict=True)
                if finding.standing != "silent"
            ]
        if release.terms is not None:
            terms = release.terms
            one = Evidence("terms", terms.text, terms.url, terms.sha256, terms.accepted_at)
            found.append(self._proof(one, release.source, terms.text.encode()))
        return found

    def _text(self, text: Evidence) -> bytes:
        """Return a text's bytes as they came; what was decoded may have lost a mark or a byte."""
        raw = text.raw.encode("utf-8", "surrogatepass")
        return raw if hashlib.sha256(raw).hexdigest() == text.sha256 else self._bytes_of(text.sha256) or b""

    def _proof(self, one: Evidence, source: str, content: bytes) -> Proof:
        file = self._kept(content, one, source) if one.sha256 and content else ""
        return {"field": one.field, "raw": quote(one.raw), "url": one.url, "sha256": one.sha256, "at": one.at, "file": file}

    def of_words(self, claim: LicenseClaim, source: str, url: str, at: datetime | None) -> Proof:
        """Return an item's own words as evidence, found where and when the item was."""
        raw = ", ".join((*claim.raw, *([claim.link] if claim.link else [])))
        content = raw.encode("utf-8", "surrogatepass")
        one = Evidence("license", raw, url, hashlib.sha256(content).hexdigest(), moment(at))
        return self._proof(one, source, content)

    def of_signals(self, source: str, text: str | None, url: str, at: datetime | None) -> list[dict[str, str]] | None:
        """Return an item's signals, with time and the site's file behind each; None where none was looked for.

        Signals that cannot be read are one of mechanism `unread`, which may say anything.
        """
        if text is None:
            return None
        when, origin = moment(at), _origin(url)
        found = []
        for signal in self._read(text):
            place = "/robots.txt" if signal["where"] == "robots.txt" else signal["where"]
            sha256, file, seen = self._sites.get((source, origin + place), ("", "", when))
            found.append(signal | {"at": seen, "sha256": sha256 or signal["sha256"], "file": file})
        return found


def quote(raw: str) -> str:
    """Return the beginning of a text, marked where it goes on."""
    return raw if len(raw) <= QUOTE else raw[: QUOTE - 1] + "…"


def moment(value: datetime | None) -> str:
    """Return a time in ISO 8601, UTC, in whole seconds; "" for none."""
    return "" if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=10_000)
def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _read_signals(text: str) -> tuple[dict[str, str], ...]:
    try:
        records = orjson.loads(text)
    except ValueError:
        records = None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        records = [{"mechanism": "unread", "where": "signals", "raw": text[:2_000], "fetch": "unknown", "train": "unknown"}]
    return tuple(_signal(record) for record in records[:_SIGNALS])


def _signal(record: Mapping[str, Any]) -> dict[str, str]:
    told = {name: str(record.get(name, "")) for name in SIGNAL_WORDS}
    told["parsed"] = orjson.dumps(record.get("parsed") or {}, option=orjson.OPT_SORT_KEYS).decode()
    digest = hashlib.sha256(told["raw"].encode("utf-8", "surrogatepass")).hexdigest() if told["raw"] else ""
    return (
        told | {name: told[name] or "none" for name in ("fetch", "train", "store")} | {"sha256": digest, "at": "", "file": ""}
    )
