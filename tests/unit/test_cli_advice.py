"""What to do next: at most three things, the most pressing first."""

from __future__ import annotations

from acquisition.cli.advice import next_steps
from acquisition.errors import CredentialsMissing, TransferCut
from acquisition.pipeline.summary import SourceSummary, Summary


def _source(name: str, **facts: object) -> SourceSummary:
    return SourceSummary(name, "kaggle", "download", **facts)  # type: ignore[arg-type]  # fields by name


def test_nothing_open_is_nothing_to_do() -> None:
    """A set without held items, errors or gaps asks for nothing."""
    assert next_steps(Summary("manifest", (_source("a", items=3),), {("keep", ""): 3})) == []


def test_the_most_pressing_come_first() -> None:
    """Log-ins, then what failed, then licenses; never more than three."""
    sources = (
        _source("secret", errors=(CredentialsMissing("no token"),)),
        _source("cut", errors=(TransferCut("cut"),)),
        _source("attic", items=5, codes={("hold", "license.unknown"): 5}),
        _source("own-words", items=1, license_concluded="NOASSERTION", codes={("keep", ""): 1}),
    )
    codes = {("hold", "license.unknown"): 5, ("hold", "quality.blurry"): 9, ("keep", ""): 1}
    steps = next_steps(Summary("manifest", sources, codes))
    assert [word in step for word, step in zip(("secret", "cut", "attic"), steps, strict=True)] == [True] * 3
    assert not any("own-words" in step for step in steps)


def test_held_items_are_named_by_their_flag() -> None:
    """The flag that holds most comes first, with how many items wait."""
    steps = next_steps(Summary("manifest", (), {("hold", "llm-style.boilerplate"): 2, ("hold", "license.review"): 1_200}))
    assert "1,200 items held for license.review" in steps[0]
    assert "2 items held for llm-style.boilerplate" in steps[1]
