"""The form of sources.lock, schema version 2, and how older versions become it. Times are ISO 8601 in UTC.

Version 1 had no seals, no own words, no texts and no hosts; it is read as such and written as version 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from acquisition.settings import Name

VERSION: Final = 2
_HEX: Final[Mapping[str, int]] = MappingProxyType(
    {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32, "crc32c": 8, "git-sha1": 40}
)
_SHA256: Final = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, Field(pattern=_SHA256)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class FileForm(_Form):
    """One file of a release."""

    path: str = Field(min_length=1)
    """Relative, with forward slashes."""
    size: int | None = Field(ge=0)
    """Bytes; null where nobody knows it."""
    digests: dict[str, str] = {}
    """Algorithm → hexadecimal digits, as published; sha256 also as we computed it."""
    url: str = ""
    media_type: str = ""
    packed: Literal["", "zip-of-one"] = ""

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/") or any(ord(letter) < 32 for letter in path):
            raise ValueError(f"{path!r} leads out of the release")
        return path

    @field_validator("digests")
    @classmethod
    def _are_digests(cls, digests: dict[str, str]) -> dict[str, str]:
        for algorithm, value in digests.items():
            if algorithm not in _HEX:
                raise ValueError(f"{algorithm!r} is no digest; known are {', '.join(_HEX)}")
            if not re.fullmatch(rf"[0-9a-f]{{{_HEX[algorithm]}}}", value):
                raise ValueError(f"{value!r} is no {algorithm}, which has {_HEX[algorithm]} hexadecimal digits")
        return digests


class EvidenceForm(_Form):
    """What was looked at to learn a license."""

    field: str = ""
    raw: str = ""
    url: str = ""
    sha256: str = ""
    at: str = ""


class ClaimForm(_Form):
    """What a publisher, or the user, says of a license."""

    raw: tuple[str, ...] = Field(default=(), strict=False)
    vocabulary: str
    level: Literal["item", "dataset", "policy", "user", "none"]
    name: str = ""
    link: str = ""
    evidence: tuple[EvidenceForm, ...] = Field(default=(), strict=False)
    redistribute: bool | None = None
    ml_training: Literal["allowed", "denied", "unknown"] | None = None


class TermsForm(_Form):
    """Conditions that a person accepts: where they stand, the digest of their text, who accepted them and when."""

    url: str
    text: str = ""
    sha256: str = ""
    accepted: bool = False
    accepted_at: str = ""
    accepted_by: str = ""


class TextForm(_Form):
    """A LICENSE or README text that was read."""

    path: str
    sha256: Sha256


class HostForm(_Form):
    """What one origin said of its use in one file."""

    origin: str
    name: str
    status: int
    sha256: str = ""
    closed: str = ""
    signals: tuple[str, ...] = Field(default=(), strict=False)
    at: str = ""


class SealForm(_Form):
    """Digests of the entry's own content, by which an edit is noticed."""

    facts: str
    files: str


class SourceForm(_Form):
    """One source: what was declared, its release, its files, what was said of its license."""

    declared: str
    """Digest of the declaration."""
    kind: str = Field(min_length=1)
    revision: str = ""
    version_label: str = ""
    title: str = ""
    homepage: str = ""
    citation: str = ""
    doi: str = ""
    reader: str = ""
    resolved_at: str = ""
    items: int | None = Field(default=None, ge=0)
    """How many items the publisher says there are."""
    authors: tuple[str, ...] = Field(default=(), strict=False)
    notes: tuple[str, ...] = Field(default=(), strict=False)
    license: ClaimForm
    own: ClaimForm | None = None
    """The user's own word on the license."""
    terms: TermsForm | None = None
    texts: tuple[TextForm, ...] = Field(default=(), strict=False)
    hosts: tuple[HostForm, ...] = Field(default=(), strict=False)
    files: tuple[FileForm, ...] = Field(strict=False)
    seal: SealForm


class LockForm(_Form):
    """sources.lock as a whole."""

    version: Literal[2]
    sources: dict[Name, SourceForm]


def lock_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of sources.lock."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **LockForm.model_json_schema()}


def _from_1(value: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had all of today's keys but own, texts, hosts, items and seal: sealing it is all that is missing."""
    return {**value, "version": 2}


MIGRATIONS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = MappingProxyType({1: _from_1})
"""From each older version to the next."""
