"""What somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is closest to a mistyped one, "" when none is close."""
    # Imported here because only a mistake needs it.
    from rapidfuzz import fuzz, process

    choices = sorted(known)
    folded = [choice.casefold().replace("-", "_") for choice in choices]
    found = process.extractOne(word.casefold().replace("-", "_"), folded, scorer=fuzz.ratio, score_cutoff=60)
    return choices[found[2]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the closest known word, "" when none is close."""
    found = nearest(word, known)
    return f"Did you mean `{found}`?" if found else ""


def listed(words: Iterable[str], *, at_most: int = 30) -> str:
    """Return words for a message: sorted as given, cut after `at_most`."""
    all_words = list(words)
    more = f" and {len(all_words) - at_most} more" if len(all_words) > at_most else ""
    return ", ".join(all_words[:at_most]) + more or "none"
