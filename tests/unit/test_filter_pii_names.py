"""pii with a model of one's own: a spaCy pipeline from disk, stand-ins for the others, and clear errors for what is missing."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from acquisition.errors import FilterUnavailable
from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.pii.names import Names, NameSettings
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of


def pipeline(folder: Path) -> None:
    """Save a blank English pipeline that knows two names."""
    import spacy

    made = spacy.blank("en")
    ruler: Any = made.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Eva Probst"}, {"label": "GPE", "pattern": "Leeds"}])
    made.to_disk(folder)


def test_a_spacy_pipeline_from_a_folder(tmp_path: Path) -> None:
    """Names and places are flagged with their spans, and are not said to be unchecked."""
    pipeline(tmp_path / "model")
    names = NameSettings(engine="spacy", model="model")
    made = Pii(PiiSettings(names=names), FilterContext(Use(), {}, ("source",), "", base=str(tmp_path)))
    text = "Eva Probst lives in Leeds"
    flags = made.flag(items_of([text, "nobody"])).to_pylist()
    assert [(flag["code"], text[flag["start"] : flag["end"]]) for flag in flags] == [
        ("pii.person", "Eva Probst"),
        ("pii.location", "Leeds"),
    ]
    assert not any("NOT checked" in sentence for sentence in made.not_checked())
    assert PiiSettings(names=NameSettings(engine="spacy", model="./model")).inputs() == ("./model",)


@pytest.mark.parametrize("engine", ["spacy", "gliner", "transformers"])
def test_a_model_that_is_not_there_is_an_error(engine: Any, tmp_path: Path) -> None:
    """A missing folder or package is said with what to do, and nothing is looked for elsewhere."""
    with pytest.raises(FilterUnavailable) as raised:
        Names(NameSettings(engine=engine, model="no/such_model"), str(tmp_path))
    assert raised.value.code == "filter-unavailable"
    assert "such_model" in str(raised.value)


def test_a_package_that_is_not_installed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is there and the package is not."""
    (tmp_path / "model").mkdir()
    monkeypatch.setitem(sys.modules, "gliner", None)
    with pytest.raises(FilterUnavailable, match="gliner"):
        Names(NameSettings(engine="gliner", model="model"), str(tmp_path))


def test_gliner_is_asked_offline_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is loaded from its folder only, long texts are shown in parts, and spans are those of the whole text."""
    asked: dict[str, Any] = {}

    class Model:
        """Stands for a GLiNER model."""

        @staticmethod
        def from_pretrained(folder: str, **options: Any) -> Model:
            """Remember how it was loaded."""
            asked.update(options, folder=folder, offline=os.environ["HF_HUB_OFFLINE"])
            return Model()

        def predict_entities(self, text: str, labels: list[str], threshold: float) -> list[dict[str, Any]]:
            """Find one name wherever it stands in the part."""
            assert labels == ["person", "location"]
            at = text.find("Eva")
            return [{"label": "person", "start": at, "end": at + 3, "score": threshold + 0.2}] if at >= 0 else []

    monkeypatch.setitem(sys.modules, "gliner", types.SimpleNamespace(GLiNER=Model))
    (tmp_path / "model").mkdir()
    names = Names(NameSettings(engine="gliner", model="model"), str(tmp_path))
    text = "word " * 800 + "Eva"
    assert [(one.entity, text[one.start : one.end], one.score) for one in names.find(text)] == [("PERSON", "Eva", 0.7)]
    assert asked["local_files_only"] is True
    assert asked["offline"] == "1"
    assert "HF_HUB_OFFLINE" not in os.environ
    assert not huggingface_hub.constants.is_offline_mode()


def test_transformers_is_asked_for_local_files_without_foreign_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokenizer and model come from the folder, as safetensors, and no code of the model's is run."""
    asked: list[dict[str, Any]] = []

    class Auto:
        """Stands for the classes that load by folder."""

        @staticmethod
        def from_pretrained(_folder: str, **options: Any) -> object:
            """Remember how it was loaded."""
            asked.append(options)
            return object()

    def make(_task: str, **_options: Any) -> Any:
        return lambda text: [
            {"entity_group": "PER", "start": 0, "end": 3, "score": 0.9},
            {"entity_group": "MISC", "start": 4, "end": 5, "score": 1},
        ]

    package = types.SimpleNamespace(AutoTokenizer=Auto, AutoModelForTokenClassification=Auto, pipeline=make)
    monkeypatch.setitem(sys.modules, "transformers", package)
    (tmp_path / "model").mkdir()
    names = Names(NameSettings(engine="transformers", model="model"), str(tmp_path))
    assert [(one.entity, one.start, one.end) for one in names.find("Eva x")] == [("PERSON", 0, 3)]
    assert all(options["local_files_only"] and options["trust_remote_code"] is False for options in asked)
    assert asked[1]["use_safetensors"] is True
