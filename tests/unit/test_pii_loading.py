"""pii.loading: what the filter is made of is loaded whole, however many threads come at once."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, threading
sys.setswitchinterval(1e-5)
from acquisition.filters.pii import Pii
from acquisition.filters.pii.loading import engine
from acquisition.filters.pii.rules import build
assert not any(name.startswith(("presidio", "spacy")) for name in sys.modules)
said = []
def look(number):
    rules = build(("en",), ()) if number % 2 else ()
    said.append((engine().__name__, bool(rules) == bool(number % 2)))
threads = [threading.Thread(target=look, args=(number,)) for number in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert said == [("Analyzer", True)] * 6, said
"""


def test_threads_that_load_it_together_find_it_whole() -> None:
    """In a fresh process nothing heavy comes with the filter's class; threads that come first together find whole modules."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
