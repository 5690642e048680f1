"""trust.txt (JournalList): one line `datatrainingallowed=yes|no`; more than one is invalid and counts as no."""

from __future__ import annotations

from typing import Final

from acquisition.rights.signals.signal import Signal, Word, clip

_MAX_BYTES: Final = 512_000
_WORDS: Final[dict[str, Word]] = {"yes": "allow", "no": "deny"}


def read(text: bytes, where: str) -> list[Signal]:
    """Return the signal of a file; nothing when it does not speak of training or is a web page."""
    if text.lstrip()[:1] == b"<":
        return []
    lines = text[:_MAX_BYTES].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    pairs = [line.partition("#")[0].partition("=") for line in lines]
    values = [value.strip().lower() for key, _, value in pairs if key.strip().lower() == "datatrainingallowed"]
    if not values:
        return []
    train = _WORDS.get(values[0], "unknown") if len(values) == 1 else "deny"
    raw = "; ".join(f"datatrainingallowed={value}" for value in values[:20])
    return [
        Signal("trust-txt", where, clip(raw), {"datatrainingallowed": clip(" ".join(values[:20]))}, train=train, scope="site")
    ]
