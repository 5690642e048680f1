"""The cues: phrases that chat assistants leave behind, and the words whose frequency rose with them.

A space in a phrase stands for one to three white-space characters and an apostrophe for both of its shapes. Every phrase
begins and ends with ASCII and uses no look-around, so that RE2 and `re` read it alike; letter case does not matter.
English only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


CERTAIN: Final[Mapping[str, str]] = {
    "as-an-ai": r"\bas an? (?:ai|artificial intelligence)(?: (?:large |powered )?language)? (?:model|assistant|chatbot)\b",
    "as-a-language-model": r"\bas a (?:large )?language model,? (?:i|my|trained)\b",
    "i-am-an-ai": r"\bi(?:'m| am) (?:just |only |merely |simply )?an? (?:ai|artificial intelligence)"
    r"(?:[,.;]|(?: language)? (?:model|assistant|chatbot)\b)",
    "i-am-a-language-model": r"\bi(?:'m| am) (?:just |only |merely |simply )?a (?:large )?language model\b",
    "made-by": r"\bi (?:am|was) (?:an? [a-z ,]{0,40})?(?:developed|trained|created|made) by "
    r"(?:openai|anthropic|google deepmind)\b",
    "my-cutoff": r"\bmy (?:last |latest |most recent )?(?:knowledge|training)(?: data)? (?:cut-?off|update)\b",
    "my-training-data": r"\bmy training data (?:only )?(?:goes|extends|includes|ends|is limited)\b",
    "real-time": r"\bi (?:do not|don't) have (?:direct )?access to real-?time\b",
    "cannot-fulfil": r"\bi(?:'m| am)? (?:sorry,? )?(?:but )?(?:i )?"
    r"(?:can(?:no|')t|can not|unable to|am unable to|won't be able to) "
    r"(?:fulfil|fulfill|comply with|assist (?:you )?with|help (?:you )?with) (?:that|this|your) request\b",
    "regenerate-response": r"\bregenerate response\b",
    "chat-source": r"\butm_source=(?:chatgpt\.com|openai\b|copilot\.com)",
    "citation-mark": r"\boaicite\b|\bcontentreference\[oai|\bturn[0-9]{1,3}(?:search|news|view|image)[0-9]{1,3}\b",
    "your-name": r"\[(?:your|insert) (?:full )?name\]",
}
"""Phrases that hardly anybody but a chat assistant writes; quoting one is enough to match."""

WEAK: Final[Mapping[str, str]] = {
    "hope-this-helps": r"\bi hope (?:this|that) helps\b",
    "finds-you-well": r"\b(?:email|message|letter) finds you well\b",
    "certainly": r"\bcertainly! (?:here|i|below|let)\b",
    "sure-here": r"\bsure(?:!|,) here(?:'s| is| are)\b",
    "revised-version": r"\bhere(?:'s| is) (?:a|the|your) (?:revised|rewritten|polished|improved|refined) version\b",
    "feel-free": r"\bfeel free to (?:ask|reach out|let me know|modify|adjust)\b",
    "let-me-know": r"\blet me know if you (?:have any (?:other|further|more)|need any|would like me to)\b",
    "important-to-note": r"\bit(?:'s| is) (?:important|worth|crucial|essential) (?:to note|noting|to remember) that\b",
    "delve": r"\bdelv(?:e|es|ing) into\b",
    "tapestry": r"\b(?:rich|intricate|vibrant) tapestry\b",
    "no-personal": r"\bi (?:do not|don't) have personal (?:opinions|beliefs|experiences|feelings|emotions|preferences)\b",
    "great-question": r"\b(?:that's|what) an? (?:great|excellent|insightful) question\b",
}
"""Phrases that assistants favour and people write too."""

STYLE_WORDS: Final = _words(
    "commendable innovative meticulous intricate notable versatile noteworthy invaluable pivotal potent fresh ingenious "
    "meticulously reportedly lucidly innovatively aptly methodically excellently compellingly impressively undoubtedly "
    "scholarly strategically"
)
"""Twelve adjectives and twelve adverbs (Gray, arXiv 2403.16887)."""

CONTROL_WORDS: Final = _words("consider conclusion furthermore blue red after")
"""Words of the same paper whose frequency should not have changed."""

HUMAN_RATE: Final = 0.00013
"""Style words per word in texts that people wrote (docs/decisions/0006-filters.md)."""


def readable(phrase: str) -> str:
    """Return a phrase as an expression that both RE2 and `re` understand (with case ignored)."""
    return phrase.replace(" ", "[ \\t\\r\\n\u00a0]{1,3}").replace("'", "['\u2019]")


def one_of(phrases: Mapping[str, str]) -> str:
    """Return an expression that matches any of the phrases."""
    return "|".join(f"(?:{readable(phrase)})" for phrase in phrases.values())


def compiled(phrases: Mapping[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return (id, pattern) for every phrase."""
    return tuple((name, re.compile(readable(phrase), re.IGNORECASE)) for name, phrase in phrases.items())
