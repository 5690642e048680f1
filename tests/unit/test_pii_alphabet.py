"""pii.gate_alphabet: classes asked about at the edges of their members hold what they hold when every character is asked."""

from __future__ import annotations

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.pii import gate_alphabet
from acquisition.filters.pii.gate_shape import shape_of

SOURCES = [
    (r"[^\s\"'<>,;]", 0),
    (r"[\w.+-]", regex.I),
    (r"[^\W\d_]", 0),
    (r"[A-Za-z0-9 \u00a0-]", 0),
    (r"[k-s]", regex.I),
    (r"[^k\u017f]", 0),
    (r"[\u00e0-\u00ff]", regex.I),
    (r"\D", regex.I),
    (r".", 0),
    (r"[\u2010-\u2013\u0660-\u0669]", 0),
]


def held(runs: np.ndarray) -> np.ndarray:
    """Return for every code point whether it is in one of the runs."""
    steps = np.zeros(0x110001, np.int8)
    for first, last in runs:
        steps[first] += 1
        steps[last] -= 1
    return np.cumsum(steps)


@pytest.mark.parametrize(("source", "flags"), SOURCES)
def test_edges_say_as_much_as_all_characters(source: str, flags: int) -> None:
    """Categories, literals, ranges, negation and both cases: no code point is judged otherwise."""
    for atom in shape_of(source, flags).atoms():
        assert np.array_equal(
            held(gate_alphabet._runs(atom)), held(gate_alphabet._found(atom, gate_alphabet._all_characters()))
        )


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from([r"\w", r"\d", r"\s", r"\W", r"\D", r"\S"]), max_size=2),
    st.text("aKkſß.é٣\u00a0-", max_size=3),
    st.booleans(),
)
def test_any_class_of_ours_is_read_alike(categories: list[str], letters: str, negated: bool) -> None:
    """Random classes under IGNORECASE and without."""
    inside = "".join(categories) + regex.escape(letters)
    if not inside:
        return
    for flags in (0, int(regex.I)):
        for atom in shape_of(f"[{'^' * negated}{inside}]", flags).atoms():
            found = gate_alphabet._found(atom, gate_alphabet._all_characters())
            assert np.array_equal(held(gate_alphabet._runs(atom)), held(found))
