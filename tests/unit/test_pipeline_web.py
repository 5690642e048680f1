"""The manifest's statistics of a crawl: domains by bytes, opt-outs by mechanism, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.model import Shard
from acquisition.pipeline import web
from acquisition.pipeline.web import OTHERS, statistics
from acquisition.rights.signals import Signal, Word


def said(*words: tuple[str, Word]) -> str:
    """Return a signals column: mechanisms with their word on training."""
    return json.dumps([Signal(mechanism, "test", "", train=word).record() for mechanism, word in words])


def shards(folder: Path, *parts: Sequence[tuple[str | None, int, str | None]]) -> list[Shard]:
    """Write item shards given as rows of (url, size, signals)."""
    made = []
    for index, rows in enumerate(parts):
        path = folder / f"items-{index}.parquet"
        columns = [pa.array(list(column), kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)]
        columns.append(pa.array(["text"] * len(rows)))
        pq.write_table(pa.table(columns, names=["url", "size", "signals", "modality"]), path)
        made.append(Shard("web", "1", index, str(path), len(rows), "x"))
    return made


TYPES = (pa.string(), pa.int64(), pa.string())


def test_domains_are_ranked_by_bytes(tmp_path: Path) -> None:
    """Subdomains, ports and schemes belong to one registrable domain; equal sums are in the order of names."""
    first = [("https://www.a.example/1", 10, None), ("http://b.example:8080/", 50, None), ("https://x.y.co.uk/", 50, "[]")]
    second = [("http://cdn.a.example/2", 90, None), (None, 1, None)]
    found = statistics(shards(tmp_path, first, second), (), {})
    assert [(one["domain"], one["bytes"], one["items"]) for one in found["domains"]] == [
        ("a.example", 100, 2), ("b.example", 50, 1), ("y.co.uk", 50, 1), ("", 1, 1),
    ]  # fmt: skip
    assert found["domains_in_all"] == 4
    assert found["opt_outs"] == {}


def test_opt_outs_are_counted_by_mechanism(tmp_path: Path) -> None:
    """Items, unclear ones, addresses and visits that were left out; permissions are none; a denial outweighs its doubts."""
    rows = [
        ("https://a.example/1", 1, said(("tdmrep", "deny"), ("tdmrep", "unknown"), ("robots", "allow"))),
        ("https://a.example/1", 1, said(("tdmrep", "deny"))),
        ("https://a.example/2", 1, said(("tdmrep", "unknown"), ("rsl", "unknown"))),
        ("https://a.example/3", 1, said(("tdmrep", "allow"))),
        ("https://a.example/4", 1, "deny?"),
    ]
    found = statistics(shards(tmp_path, rows), ["ai-agents: GPTBot: Disallow: /"], {"rsl": "record"})
    assert found["opt_outs"] == {
        "ai-agents": {"treatment": "honour", "items": 0, "unclear": 0, "pages": 0, "not_visited": 1},
        "rsl": {"treatment": "record", "items": 0, "unclear": 1, "pages": 1, "not_visited": 0},
        "tdmrep": {"treatment": "honour", "items": 2, "unclear": 1, "pages": 2, "not_visited": 0},
    }


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limits domains are counted together and addresses are a lower bound."""
    monkeypatch.setattr(web, "MAX_DOMAINS", 2)
    monkeypatch.setattr(web, "MAX_ADDRESSES", 2)
    rows = [(f"https://{name}.example/", 1, said(("plus", "deny"))) for name in "abcde"]
    found = statistics(shards(tmp_path, rows), (), {})
    assert {one["domain"]: one["bytes"] for one in found["domains"]} == {OTHERS: 3, "a.example": 1, "b.example": 1}
    assert (found["opt_outs"]["plus"]["items"], found["opt_outs"]["plus"]["pages"]) == (5, 2)
