"""Paraphrases by a text model made here, and every way in which a model can be other than it was described."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from pydantic import ValidationError

onnx = pytest.importorskip("onnx", reason="the extra dev holds onnx, which makes the models of these tests")
pytest.importorskip("onnxruntime", reason="the extra embedding holds onnxruntime")
pytest.importorskip("tokenizers", reason="the extra embedding holds tokenizers")

from acquisition.errors import FilterUnavailable  # noqa: E402 - after the reasons to skip
from acquisition.filters.duplicates import Duplicates, DuplicatesSettings  # noqa: E402
from acquisition.filters.duplicates.paraphrases import Paraphrases  # noqa: E402
from acquisition.filters.duplicates.settings import EmbeddingModel  # noqa: E402
from acquisition.model import Use  # noqa: E402
from acquisition.protocols import FilterContext  # noqa: E402
from tests.duplicate_runs import join, sign  # noqa: E402

WORDS = ("[PAD]", "[UNK]", "boat", "ship", "sails", "travels", "sea", "ocean", "cat", "sleeps", "chair", "the", "on", "query")
MEANING = {"boat": 0, "ship": 0, "sails": 1, "travels": 1, "sea": 2, "ocean": 2, "cat": 3, "sleeps": 4, "chair": 5}
ONE, SAME, OTHER = "the boat sails on the sea", "the ship travels on the ocean", "the cat sleeps on the chair"


def tokenizer(folder: Path) -> str:
    """Write a tokenizer that knows a dozen words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    return "tokenizer.json"


def value(name: str, shape: Sequence[int | str], kind: int) -> Any:
    """Return the description of an input or output; kind 1 is float32, 6 int32, 7 int64."""
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def text_model(
    folder: Path, *, inputs: Sequence[str] = ("input_ids", "attention_mask"), kind: int = 7, whole: bool = False
) -> str:
    """Write a model that gives every word its meaning as a vector, per token or, `whole`, per text."""
    table = np.zeros((len(WORDS), 6), np.float32)
    for word, place in MEANING.items():
        table[WORDS.index(word), place] = 1
    weights = onnx.numpy_helper.from_array(table, "weights")
    nodes = [onnx.helper.make_node("Gather", ["weights", inputs[0]], ["tokens"])]
    output: str = "tokens"
    shape: list[int | str] = ["n", "t", 6]
    if whole:
        nodes.append(onnx.helper.make_node("ReduceMean", ["tokens"], ["texts"], axes=[1], keepdims=0))
        output, shape = "texts", ["n", 6]
    given = [value(name, ["n", "t"], kind) for name in inputs]
    graph = onnx.helper.make_graph(nodes, "meaning", given, [value(output, shape, 1)], [weights])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (folder / "text.onnx").write_bytes(made.SerializeToString())
    return "text.onnx"


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """Return what is declared under `embedding`."""
    return {"model": {"model": "text.onnx", "tokenizer": tokenizer(folder), **more}, "threshold": 0.9}


def made(folder: Path, embedding: Any, **more: Any) -> Duplicates:
    """Return the filter with a model in a folder."""
    declared = DuplicatesSettings.model_validate({"embedding": embedding, **more}, strict=False)
    return Duplicates(declared, FilterContext(Use(), {}, ("one", "two"), "", base=str(folder)))


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"kind": 6},
        {"inputs": ("input_ids",)},
        {"inputs": ("input_ids", "attention_mask", "token_type_ids")},
        {"whole": True},
    ],
)
def test_a_paraphrase_is_a_near_copy(tmp_path: Path, model: dict[str, Any]) -> None:
    """Texts that share no word and mean the same are near copies by `vector`, across sources; others are not."""
    text_model(tmp_path, **model)
    filter_ = made(tmp_path, settings(tmp_path))
    flags = join(filter_, sign(filter_, {"one": [ONE, OTHER], "two": [SAME]}, tmp_path), tmp_path)
    (kept,) = flags["two"]
    (near,) = flags["one"]
    told = orjson.loads(near["detail"])
    assert (kept["code"], near["code"], near["row"]) == ("duplicate.representative", "duplicate.near", 0)
    assert (told["kept"], told["by"], round(near["score"], 2)) == (kept["item"], "vector", 1.0)


def test_a_paraphrase_of_a_reference_set_is_contaminated(tmp_path: Path) -> None:
    """Entries of a reference set get vectors as well."""
    text_model(tmp_path)
    (tmp_path / "exam.txt").write_text(ONE)
    filter_ = made(tmp_path, settings(tmp_path), against=({"name": "exam", "path": "exam.txt"},))
    flags = join(filter_, sign(filter_, {"one": [SAME, OTHER]}, tmp_path), tmp_path)["one"]
    assert [(flag["row"], flag["code"], orjson.loads(flag["detail"])["by"]) for flag in flags] == [
        (0, "duplicate.contamination", "vector")
    ]


def test_vectors_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    """Padding beside longer texts changes no vector, whatever the pooling; an empty text and unknown words have none."""
    text_model(tmp_path)
    texts = [ONE, "boat", "the cat", "", "nothing known here", " ".join([OTHER] * 40)]
    for pooling in ("mean", "first", "last"):
        declared = {"model": "text.onnx", "tokenizer": tokenizer(tmp_path), "pooling": pooling, "max_tokens": 16}
        one, many = (Paraphrases(EmbeddingModel.model_validate({**declared, "batch": batch}), tmp_path) for batch in (1, 32))
        assert np.allclose(one.vectors(texts), many.vectors(texts))
        assert np.allclose(np.linalg.norm(many.vectors(texts), axis=1)[[3, 4]], 0)
    assert np.linalg.norm(many.vectors(["sea"])) == pytest.approx(1)


def test_long_and_broken_texts_stay_bounded(tmp_path: Path) -> None:
    """Ten million characters and lone surrogates reach the model as its first tokens."""
    text_model(tmp_path)
    declared = EmbeddingModel.model_validate(
        {"model": "text.onnx", "tokenizer": tokenizer(tmp_path), "max_tokens": 8, "prefix": "query "}
    )
    vectors = Paraphrases(declared, tmp_path).vectors(["boat " * 2_000_000, "boat \ud800"])
    assert vectors.shape == (2, 6)
    assert vectors[0] @ vectors[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ({"inputs": ("pixels",)}, {}, "its inputs are pixels"),
        ({"inputs": ("input_ids", "position_ids")}, {}, "position_ids"),
        ({}, {"output": "embedding"}, "no output 'embedding'"),
        ({}, {"sha256": "0" * 64}, "another digest"),
        ({}, {"model": "gone.onnx"}, "is not there"),
        ({}, {"tokenizer": "gone.json"}, "is not there"),
        ({}, {"tokenizer": "text.onnx"}, "the tokenizer cannot be read"),
        ({}, {"model": "tokenizer.json"}, "cannot be loaded"),
    ],
)
def test_what_is_not_as_described_is_told(tmp_path: Path, model: dict[str, Any], more: dict[str, Any], said: str) -> None:
    """A model, a tokenizer or an output that is not there, or is another, is named before anything is compared."""
    text_model(tmp_path, **model)
    with pytest.raises(FilterUnavailable) as raised:
        made(tmp_path, settings(tmp_path, **more)).sign(join_items())
    assert said in raised.value.message
    assert raised.value.where.startswith("filters.duplicates.embedding.model")
    assert raised.value.hint or raised.value.where


def join_items() -> Any:
    """Return one item."""
    from acquisition.testing.filters import items_of

    return items_of([ONE])


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Without the extra the message says which package is missing and how to get it."""
    text_model(tmp_path)
    declared = settings(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FilterUnavailable) as raised:
        made(tmp_path, declared).sign(join_items())
    assert package in raised.value.message
    assert "acquisition[embedding]" in raised.value.hint


def test_settings_name_model_or_vectors(tmp_path: Path) -> None:
    """One of both is needed, and the files that answers depend on are named."""
    for wrong in ({}, {"vectors": "a.parquet", "model": {"model": "m.onnx", "tokenizer": "t.json"}}):
        with pytest.raises(ValidationError):
            DuplicatesSettings.model_validate({"embedding": wrong})
    declared = DuplicatesSettings.model_validate({"embedding": {"model": {"model": "m.onnx", "tokenizer": "t.json"}}})
    assert declared.inputs() == ("m.onnx", "t.json")
    told = Duplicates(declared, FilterContext(Use(), {}, (), "")).not_checked()
    assert any("256 tokens" in sentence for sentence in told)
    assert not any("no embedding" in sentence for sentence in told)


def test_a_digest_that_fits_is_taken(tmp_path: Path) -> None:
    """The model's digest may be pinned."""
    text_model(tmp_path)
    digest = hashlib.sha256((tmp_path / "text.onnx").read_bytes()).hexdigest()
    assert json.loads((tmp_path / tokenizer(tmp_path)).read_text())["model"]["type"] == "WordLevel"
    assert made(tmp_path, settings(tmp_path, sha256=digest)).sign(join_items()).column("vector").null_count == 0
