"""Asked why a page was never visited, the declaration's own rule is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.errors import UsageError
from acquisition.pipeline import explain, open_session
from acquisition.pipeline.looking.unfollowed import unfollowed

DECLARED = """
version: 1
contact: {name: Lab, url: https://lab.example/bot, email: lab@lab.example}
sources:
  plain: {kind: spider, start: [https://example.org/notes/], hosts: [more.example.org]}
  chosen: {kind: spider, start: [https://example.org/], allow: ["/notes/*"], deny: ["*draft*"]}
  own: {kind: spider, start: [https://example.org/], spider: spiders/own.py}
"""


@pytest.mark.parametrize(
    ("url", "plain", "chosen"),
    [
        ("https://example.org/notes/1.html", "", ""),
        ("https://www.example.org/notes/1.html", "", ""),
        ("https://elsewhere.example/notes/1.html", "its host is none of example.org, more.example.org", "its host is none of"),
        ("https://more.example.org/notes/", "", "its host is none of example.org"),
        ("https://example.org/notes/draft-2.html", "", "`deny` fits it"),
        ("https://example.org/about.html", "", "no pattern of `allow` fits it"),
        ("https://example.org/notes/all.zip", "looks like no page of samples (zip)", "looks like no page of samples (zip)"),
        ("https://example.org/login?next=1", "looks like no page of samples (login)", "no pattern of `allow` fits it"),
        ("https://example.org/" + "a" * 2_100, "longer than 2,083", "longer than 2,083"),
    ],
)
def test_the_rule_that_leaves_a_link_out_is_named(tmp_path: Path, url: str, plain: str, chosen: str) -> None:
    """Host, deny, allow, ending and length; what is followed is not accused, and one's own spider is not guessed at."""
    (tmp_path / "sources.yaml").write_text(DECLARED, encoding="utf-8")
    session = open_session(tmp_path / "sources.yaml", environment={})
    found = dict(unfollowed(session.declared.sources, url))
    assert "own" not in found
    for name, expected in (("plain", plain), ("chosen", chosen)):
        assert (expected in found[name]) if expected else (name not in found)
    with pytest.raises(UsageError, match="nothing is known of") as caught:
        explain(session, url)
    assert ("plain would not follow it" in str(caught.value.hint)) is bool(plain)
