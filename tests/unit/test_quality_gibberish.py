"""quality.texts: what is left out before gibberish is looked for could not have been flagged."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.flags import FlagRows
from acquisition.filters.quality.texts import _flag_gibberish, _may_be_gibberish
from acquisition.testing.filters import items_of

WORDS = st.one_of(
    st.text("bcdfghjklmnpqrstvwxzaeiou", min_size=1, max_size=12),
    st.sampled_from(["asdfgh", "the", "rhythm", "Nachtschicht", "lengths", "straße", "zxcvb", "пролдж", "abc_dfghj", "DFGHJK"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=14), st.integers(1, 3), st.sampled_from([" ", "\n", ", "]))
def test_counts_leave_nothing_out_that_is_flagged(words: list[str], times: int, between: str) -> None:
    """Consonants of one language and another, cut or not, beside each other: a flagged text is always among those looked at."""
    text = between.join(words * times)
    flags = FlagRows(items_of([text or "x"]))
    _flag_gibberish(0, text, flags)
    looked_at = _may_be_gibberish(pa.array([text], pa.large_string()))[0]
    assert looked_at or flags.batch().num_rows == 0


def test_plain_prose_is_left_out_and_a_keyboard_is_not() -> None:
    """Prose is not looked at; typed letters are, and so is what kernels cannot judge (clusters that can be spoken)."""
    texts = ["two strengths and a length of the twelfth rhythm in plain words", "asdfgh sdkfjh zxcvbn qwrtzp", "ääää asdfgh"]
    assert _may_be_gibberish(pa.array(texts, pa.large_string())).tolist() == [True, True, True]
    assert not _may_be_gibberish(
        pa.array(["a tenth of the months were plain and ordinary to anybody who asked"], pa.large_string())
    )[0]
