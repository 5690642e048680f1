"""trust.txt: one line on training."""

from __future__ import annotations

import pytest

from acquisition.rights.signals import Word, read, verdicts


@pytest.mark.parametrize(
    ("text", "train"),
    [
        ("datatrainingallowed=no", "deny"),
        ("datatrainingallowed=yes", "allow"),
        ("# about us\nmember=https://a.example/\r\nDataTrainingAllowed = No # never\n", "deny"),
        ("datatrainingallowed=yes\ndatatrainingallowed=yes", "deny"),
        ("datatrainingallowed=yes\ndatatrainingallowed=no", "deny"),
        ("datatrainingallowed=perhaps", "unknown"),
        ("datatrainingallowed=", "unknown"),
        ("datatrainingallowed", "unknown"),
        ("# datatrainingallowed=no", "none"),
        ("member=https://a.example/", "none"),
        ("<html>datatrainingallowed=no", "none"),
        ("\ufeffdatatrainingallowed=no", "deny"),
        ("", "none"),
    ],
)
@pytest.mark.parametrize("name", ["/trust.txt", "/.well-known/trust.txt", "https://site.example/trust.txt"])
def test_lines(text: str, train: Word, name: str) -> None:
    """One yes allows, anything else but silence does not; more than one line is invalid and means no."""
    assert verdicts(read("https://site.example/a", {}, b"", None, {name: text})).train == train
