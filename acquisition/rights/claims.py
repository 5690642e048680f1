"""From what stands in a hub's answer to a claim: lists, objects and card fields are taken apart, the words stay as they are."""

from __future__ import annotations

import json
import re
from typing import Any, Final, get_args

from acquisition.model import LicenseClaim, Vocabulary

_LONGEST: Final = 500_000
_VALUE: Final = r"""(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'|[\w.+-]+)"""
_LIST: Final = re.compile(rf"\[\s*(?:{_VALUE}(?:\s*,\s*{_VALUE})*)?\s*,?\s*\]")
_ENTRY: Final = re.compile(_VALUE)
_FIELD: Final = re.compile(
    r"^[ \t]*[\"']?(license|licence|licenses|license_name|license_link|license_url)[\"']?[ \t]*[:=][ \t]*(.*)$", re.MULTILINE
)
_CARD_LINE: Final = re.compile(r"[ \t]*(?:---|#.*|-[ \t]+\S.*|[\"']?\w[\w-]{0,40}[\"']?[ \t]*[:=].*)?\s*")
_BULLET: Final = re.compile(r"^[ \t]*-[ \t]+(.+)$", re.MULTILINE)
_NAMES: Final = (
    "name",
    "id",
    "licenseName",
    "license",
    "licenseAbbreviation",
    "spdx_id",
    "title",
    "key",
    "value",
)
_LINKS: Final = ("url", "uri", "license_link", "license_url", "rightsUri", "path", "deed_url", "link")


def claim_of(words: str, *, hub: str = "", url: str = "") -> LicenseClaim:
    """Return the claim that a hub's words make; `hub` names the vocabulary, "" stands for prose.

    Understood are a plain value, a JSON or Python list of values, an object with a name and an address (figshare, Dataverse,
    Kaggle), lines of a dataset card (`license:`, `license_name:`, `license_link:`), and tags ("license:mit").
    """
    vocabulary: Vocabulary = hub if hub in get_args(Vocabulary) else "prose"  # type: ignore[assignment]  # just looked up
    words = words[:_LONGEST].strip()
    values, name, link = _taken_apart(words)
    return LicenseClaim(raw=tuple(values), vocabulary=vocabulary, name=name, link=url.strip() or link)


def _taken_apart(words: str) -> tuple[list[str], str, str]:
    if words[:1] in {"[", "{"}:
        if (parsed := _parsed(words)) is not None:
            return parsed
        if _LIST.fullmatch(words):
            return [one.strip("\"'") for one in _ENTRY.findall(words)], "", ""
    if fields := _card(words):
        return fields
    return ([words] if words else []), "", ""


def _parsed(words: str) -> tuple[list[str], str, str] | None:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return None
    entries = found if isinstance(found, list) else [found]
    values: list[str] = []
    links: list[str] = []
    for entry in entries[:50]:
        value, link = _object(entry) if isinstance(entry, dict) else (entry if isinstance(entry, str) else "", "")
        values += [value] if value else []
        links += [link] if link else []
    if len(values) > 1 or len(links) > 1:
        return [*values, *links], "", ""
    return values, "", next(iter(links), "")


def _object(entry: dict[str, Any]) -> tuple[str, str]:
    """Return the name and the address that an object of a hub's answer holds."""
    inner = entry.get("license")
    if isinstance(inner, dict):
        return _object({key: value for key, value in inner.items() if key != "license"})
    texts = {key: value.strip() for key, value in entry.items() if isinstance(value, str) and value.strip()}
    return next((texts[key] for key in _NAMES if key in texts), ""), next((texts[key] for key in _LINKS if key in texts), "")


def _card(words: str) -> tuple[list[str], str, str] | None:
    """Return what the lines of a dataset card say, None when the words are no such lines."""
    found = list(_FIELD.finditer(words))
    if not found or not all(_CARD_LINE.fullmatch(line) for line in words.splitlines()):
        return None
    fields = {match[1].lower(): match[2].strip().strip("\"'") for match in found}
    value = next((fields[key] for key in ("license", "licence", "licenses") if key in fields), "")
    values = [entry.strip().strip("\"'") for entry in _BULLET.findall(words)] if not value else [value]
    if value.startswith("[") and _LIST.fullmatch(value):
        values = [one.strip("\"'") for one in _ENTRY.findall(value)]
    return (
        [one for one in values if one],
        fields.get("license_name", ""),
        fields.get("license_link", fields.get("license_url", "")),
    )
