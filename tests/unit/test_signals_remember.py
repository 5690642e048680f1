"""What was made of a file is made once, and memory for it is bounded by the files' bytes."""

from __future__ import annotations

import pytest

from acquisition.rights.signals import Signal, bounded, remember
from acquisition.rights.signals.remember import remembered


def test_answers_are_remembered_by_bytes_and_arguments() -> None:
    """Equal bytes are not read twice; other arguments are another question."""
    asked: list[tuple[bytes, str]] = []

    @remembered
    def read(file: bytes, agent: str = "x") -> int:
        asked.append((file, agent))
        return len(asked)

    assert [read(b"a"), read(b"a"), read(bytes(bytearray(b"a"))), read(b"a", "y"), read(b"b")] == [1, 1, 1, 2, 3]
    assert asked == [(b"a", "x"), (b"a", "y"), (b"b", "x")]


def test_large_files_push_each_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small files are remembered, of large ones only the last; the number has an end too."""
    monkeypatch.setattr(remember, "MAX_BYTES", 100)
    monkeypatch.setattr(remember, "MAX_ENTRIES", 4)
    asked: list[bytes] = []

    @remembered
    def read(file: bytes) -> int:
        asked.append(file)
        return len(file)

    for file in (b"a" * 60, b"b" * 60, b"b" * 60, b"a" * 60):
        assert read(file) == 60
    assert asked == [b"a" * 60, b"b" * 60, b"a" * 60]
    asked.clear()
    for number in (*range(10), 9, 6, 0):
        read(b"%d" % number)
    assert len(asked) == 11


def test_what_is_written_down_is_bounded() -> None:
    """Of very many signals those with the strongest words stay, in their order, and how many are missing is said."""
    words = ("none", "allow", "unknown", "deny")
    signals = [Signal("tdmrep", str(number), "", train=words[number % 4]) for number in range(400)]  # type: ignore[arg-type]  # words are words
    kept = bounded(signals, 150)
    assert len(kept) == 150
    assert [one.train for one in kept[:-1]].count("deny") == 100
    assert [int(one.where) for one in kept[:-1]] == sorted(int(one.where) for one in kept[:-1])
    assert (kept[-1].mechanism, kept[-1].train, kept[-1].parsed) == (
        "unread",
        "none",
        {"what": "251 signals with weaker words"},
    )
    assert bounded(signals, 400) == signals
