"""What the policy redacts leaves the ledger's rows too: the words themselves, and the digests by which they could be found."""

from __future__ import annotations

from typing import Any, Final

_REDACTED: Final = ("label", "title", "author", "url", "referrer", "license_raw", "locator")
_WRITTEN: Final = frozenset({"text", "table"})
"""Modalities whose content is words, so that a redaction in them changes the content."""
_ROUNDED: Final = 256
"""Sizes of redacted content are told in steps of so many bytes, rounded up: never less than they are."""


def redact(columns: dict[str, list[Any]]) -> None:
    """Replace in the ledger what the policy wants replaced in the item, whatever became of the item itself."""
    for row, spans in enumerate(columns["redactions"]):
        for span in reversed(spans):
            name = span["field"]
            for column in (name, "asset") if name == "locator" else (name,):  # a locator begins with its asset
                value = columns[column][row] if column in {*_REDACTED, "asset"} else None
                if value is not None and span["end"] <= len(value):
                    columns[column][row] = value[: span["start"]] + span["placeholder"] + value[span["end"] :]
    for row, code in enumerate(columns["code"]):
        if code == "split.embargo":  # the ledger is passed on, and the answers of a hold-out are what its embargo is about
            columns["label"][row] = columns["title"][row] = None


def seal(columns: dict[str, list[Any]]) -> None:
    """Leave out digests of content whose redacted words are known but for the redacted ones: those could be found by trying."""
    facts = zip(columns["redactions"], columns["modality"], columns["outcome"], strict=True)
    for row, (spans, modality, outcome) in enumerate(facts):
        hidden = any(span["field"] == "text" or span["field"].startswith("fields") for span in spans)
        if not hidden or modality not in _WRITTEN or outcome == "keep":
            continue
        if columns["blob"][row] == columns["content_sha256"][row]:  # a file that is one text
            columns["blob"][row] = ""
        columns["content_sha256"][row] = ""
        columns["size"][row] = -(-columns["size"][row] // _ROUNDED) * _ROUNDED
