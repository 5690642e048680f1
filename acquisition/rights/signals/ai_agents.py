"""robots.txt rules for the crawlers of AI companies: an opt-out by a site that does not know our name.

`ai_agents.csv` holds the tokens that ai-robots-txt/ai.robots.txt (MIT) lists, and what each is for in our own judgement:
training, search, assistant or other. A site that shuts out one that gathers training data is taken to mean all of them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from acquisition.rights.signals import robots_txt
from acquisition.rights.signals.remember import remembered
from acquisition.rights.signals.signal import Signal, Word, clip

_USES: Final = frozenset({"training", "search", "assistant", "other"})


@cache
def tokens() -> Mapping[str, tuple[str, str]]:
    """Return the known tokens in lower case, each with its usual spelling and its use."""
    text = (files(__package__) / "ai_agents.csv").read_text(encoding="utf-8")
    rows = [(row["token"], row["use"]) for row in csv.DictReader(text.splitlines())]
    return {token.lower(): (token, use) for token, use in rows if use in _USES}


def read(raw: bytes, url: str) -> list[Signal]:
    """Return one signal when the file names AI crawlers; deny when it forbids the URL to one that gathers training data.

    Only groups that name a token count: what `*` forbids is forbidden to us by robots.txt itself. Being allowed by name is
    somebody else's permission and says nothing about us.
    """
    path = robots_txt.target(url)
    winning = tuple(robots_txt.decide(rules, path) for _, rules in _named_groups(raw))
    return [_said(raw, winning)] if winning else []


@remembered
def _said(raw: bytes, winning: tuple[robots_txt.Rule | None, ...]) -> Signal:
    """Return what it means that in each of the groups that name a crawler this rule wins."""
    best = _best_rules(raw, winning)
    blocked = [token for token, rule in best.items() if rule is not None and not rule.allow]
    training = [token for token in blocked if tokens()[token][1] == "training"]
    word: Word = "deny" if training else "none"
    parsed = {"named": str(len(best)), "blocked": clip(" ".join(tokens()[token][0] for token in blocked))}
    if training:
        parsed["training"] = clip(" ".join(tokens()[token][0] for token in training))
    raw_text = "; ".join(
        f"{tokens()[token][0]}: Disallow: {rule.pattern[:100]}" for token in blocked[:20] if (rule := best[token])
    )
    return Signal("ai-agents", "robots.txt", clip(raw_text), parsed, fetch=word, train=word, scope="path")


def names_any(raw: bytes) -> bool:
    """Say whether a robots.txt has a group for a known crawler of an AI company."""
    return bool(_named_groups(raw))


def _best_rules(raw: bytes, winning: tuple[robots_txt.Rule | None, ...]) -> dict[str, robots_txt.Rule | None]:
    """Return the winning rule per token that the file names, from those that win in each group that names one."""
    best: dict[str, robots_txt.Rule | None] = {}
    for (named, _), rule in zip(_named_groups(raw), winning, strict=True):
        for token in named:
            other = best.get(token)
            best[token] = robots_txt.longest((rule, other)) if rule is not None and other is not None else rule or other
    return best


@remembered
def _named_groups(raw: bytes) -> tuple[tuple[tuple[str, ...], tuple[robots_txt.Rule, ...]], ...]:
    """Return the known tokens, sorted, and the rules of each group that names one; the last answers are remembered."""
    groups = robots_txt.parse(raw).groups
    named = (tuple(sorted({token for agent in group.agents if (token := _token(agent)) in tokens()})) for group in groups)
    return tuple((names, group.rules) for names, group in zip(named, groups, strict=True) if names)


def _token(agent: str) -> str:
    """Return a user-agent value without its version; names of several words stay whole."""
    return agent.partition("/")[0].strip()
