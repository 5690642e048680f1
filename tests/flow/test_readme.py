"""The README shows what the demo prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARKS = re.compile(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", re.DOTALL)


def shape(text: str) -> list[list[str]]:
    """Return the lines as words, without what differs between runs: digests, ports, sizes, numbers of files, times, places."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "<digest>", text)
    text = re.sub(r"\b127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
    text = re.sub(r"\b\d+(\.\d+)? (B|kB|MB)\b", "<size>", text)
    text = re.sub(r"\b[\d,]+ (files|rows)\b", r"<number> \1", text)
    text = re.sub(r"\b\d+(\.\d+)? s$", "<time>", text, flags=re.MULTILINE)
    text = re.sub(r"\S+/data/(curated|manifest)", r"<workspace>/\1", text)
    return [words for line in text.splitlines() if (words := line.split())]


@pytest.mark.flow
def test_the_readme_shows_what_the_demo_prints() -> None:
    """The block in the README is the demo's output, digests, sizes, times and places aside."""
    done = subprocess.run([sys.executable, "-m", "acquisition.cli", "demo"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3500:]
    shown = MARKS.search((ROOT / "README.md").read_text())
    assert shown is not None
    assert shape(shown[1]) == shape(done.stdout)
