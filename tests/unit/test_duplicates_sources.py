"""What is told of sources and splits, which copy is kept, and the seat for embeddings."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import FilterUnavailable
from acquisition.filters.duplicates import embedding
from acquisition.model import Observation
from tests.duplicate_runs import codes, join, prepared, run, sign

TEXT = "The lower mill was built of grey stone in a single summer, and its wheel turned for two hundred years without a pause."


def told(observations: list[Observation]) -> dict[tuple[str, str], tuple[float, int]]:
    """Return source and what is told → share and items."""
    return {(one.source, one.code.removeprefix("duplicate.share-")): (one.value, one.items) for one in observations}


def test_copies_in_other_splits_are_told(tmp_path: Path) -> None:
    """A cluster in train and test is told on every member, however the splits are spelt; one split alone is none."""
    rows = [{"text": TEXT, "split": "train"}, {"text": TEXT + " Indeed.", "split": "Test"}, {"text": "yes", "split": "train"}]
    flags = run({"one": [*rows, {"text": "yes", "split": "training"}]}, tmp_path)["one"]
    leaks = [flag for flag in flags if flag["code"] == "duplicate.split-leak"]
    assert [flag["row"] for flag in leaks] == [0, 1]
    detail = orjson.loads(leaks[1]["detail"])
    assert (detail["split"], detail["splits"]) == ("test", {"test": 1, "train": 1})


def test_shares_are_told_by_source(tmp_path: Path) -> None:
    """Shares and counts are those of the flags, also in a process that did not join."""
    shards: dict[str, list[Any]] = {
        "one": [TEXT, "alone", "alone", "three"],
        "two": [TEXT.upper(), TEXT + " Indeed.", {"text": "alone", "split": "test"}, {"text": "alone", "split": "train"}],
    }
    made = prepared(tuple(shards))
    signatures = sign(made, shards, tmp_path)
    join(made, signatures, tmp_path)
    found = told(list(made.observe(signatures)))
    assert found["one", "exact"] == (0.25, 4)
    assert found["two", "exact"] == (0.5, 4)
    assert found["two", "same"] == (0.25, 4)
    assert found["two", "near"] == (0.25, 4)
    assert found["two", "leaking"] == (0.5, 4)
    assert told(list(prepared(tuple(shards)).observe(signatures))) == found


def test_nothing_is_told_of_a_source_without_copies(tmp_path: Path) -> None:
    """A share of nothing is not reported."""
    made = prepared(("one",))
    assert list(made.observe(sign(made, {"one": ["a text", "another text"]}, tmp_path))) == []


def test_a_labelled_copy_is_preferred(tmp_path: Path) -> None:
    """What is labelled is kept before what is not, and what is whole before what is cut, before the declared order."""
    labelled = run({"one": ["same words"], "two": [{"text": "same words", "label": "calm"}]}, tmp_path)
    assert codes(labelled) == {"one": [(0, "exact")], "two": [(0, "representative")]}
    whole = run({"one": [TEXT[:95]], "two": [TEXT]}, tmp_path)
    assert codes(whole) == {"one": [(0, "near")], "two": [(0, "representative")]}
    same = run({"one": [TEXT], "two": [TEXT + " So."]}, tmp_path)
    assert codes(same) == {"one": [(0, "representative")], "two": [(0, "near")]}


def test_the_detail_explains_a_near_copy(tmp_path: Path) -> None:
    """The similarity with the kept copy, of runs and of words, what was compared, and whether all of it was."""
    (flag,) = run({"one": [TEXT], "two": [TEXT + " So."]}, tmp_path)["two"]
    detail = orjson.loads(flag["detail"])
    assert (detail["by"], detail["direct"], detail["whole"]) == ("shingles", True, True)
    assert flag["score"] == detail["similarity"] == pytest.approx(91 / 93, abs=0.02)
    assert 0.9 < detail["words"] < 1


# --- vectors -------------------------------------------------------------------------------------------------------------


def vectors(folder: Path, texts: list[str], made: np.ndarray) -> str:
    """Write a file of vectors for texts."""
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    pq.write_table(pa.table({"content_sha256": digests, "vector": made.tolist()}), folder / "vectors.parquet")
    return str(folder / "vectors.parquet")


def test_vectors_tell_what_is_alike_beyond_words(tmp_path: Path) -> None:
    """Texts whose vectors point the same way are near copies; the cosine is the similarity."""
    texts = ["Der Zug hält heute nicht.", "The train does not stop today.", "Bees sleep at night."]
    file = vectors(tmp_path, texts, np.array([[1, 0.1, 0], [2, 0.1, 0.1], [0, 1, 0]]))
    flags = run({"one": [texts[0]], "two": texts[1:]}, tmp_path, embedding={"vectors": file, "threshold": 0.9})
    assert codes(flags) == {"one": [(0, "near")], "two": [(0, "representative")]}
    detail = orjson.loads(flags["one"][0]["detail"])
    assert detail["by"] == "vector"
    assert flags["one"][0]["score"] == pytest.approx(0.997, abs=0.003)


def test_many_vectors_are_compared_in_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number that can be compared completely, planted neighbours are still found."""
    monkeypatch.setattr(embedding, "COMPLETE", 10)
    chance = np.random.default_rng(1)
    base = chance.standard_normal((400, 32))
    made = np.concatenate([base, base[:50] + 0.05 * chance.standard_normal((50, 32))])
    texts = [f"text {number}" for number in range(450)]
    flags = run({"one": texts}, tmp_path, embedding={"vectors": vectors(tmp_path, texts, made)})["one"]
    assert sum(flag["code"] == "duplicate.near" for flag in flags) == 50


@pytest.mark.parametrize(
    "table",
    [
        {"content_sha256": ["xy"], "vector": [[1.0]]},
        {"vector": [[1.0]]},
        {"content_sha256": ["00" * 32] * 2, "vector": [[1.0], [1.0, 2.0]]},
    ],
)
def test_vectors_that_are_none_are_an_error(tmp_path: Path, table: dict[str, list[Any]]) -> None:
    """A file without digests, or with vectors of several lengths, is refused with its path."""
    pq.write_table(pa.table(table), tmp_path / "vectors.parquet")
    with pytest.raises(FilterUnavailable) as raised:
        run({"one": ["a text"]}, tmp_path, embedding={"vectors": str(tmp_path / "vectors.parquet")})
    assert raised.value.where == str(tmp_path / "vectors.parquet")
