"""Names and places found by a model of the user's own: a spaCy pipeline, a GLiNER or a transformers model on disk.

Nothing is ever downloaded: a model is a folder beside sources.yaml or, for spaCy, an installed package. What is not there is an
error that says so, before anything is looked at.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from acquisition.errors import FilterUnavailable
from acquisition.settings import Settings

Engine = Literal["spacy", "gliner", "transformers"]
_WHERE: Final = "filters.pii.names"
_WINDOW: Final = 1_500
_OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
_ENTITY: Final[Mapping[str, str]] = {
    "per": "PERSON", "pers": "PERSON", "person": "PERSON", "name": "PERSON", "b-per": "PERSON", "i-per": "PERSON",
    "loc": "LOCATION", "location": "LOCATION", "gpe": "LOCATION", "fac": "LOCATION", "address": "LOCATION",
    "street address": "LOCATION", "street_address": "LOCATION", "city": "LOCATION",
    "org": "ORGANIZATION", "organization": "ORGANIZATION", "organisation": "ORGANIZATION", "norp": "NRP", "nrp": "NRP",
}  # fmt: skip
"""Labels of common models, lower case → Presidio's names."""


class NameSettings(Settings):
    """Which model finds names and places."""

    engine: Engine
    model: str = Field(min_length=1)
    """A folder, relative to sources.yaml; for spaCy also the name of an installed package."""
    entities: tuple[str, ...] = ("PERSON", "LOCATION")
    """What is looked for: PERSON, LOCATION, ORGANIZATION, NRP."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """The least score of GLiNER and transformers models; spaCy gives none."""
    score: float = Field(default=0.85, ge=0, le=1)
    """The score of what a spaCy pipeline finds."""
    longest: int = Field(default=100_000, ge=1)
    """Characters of a text that are shown to the model; what lies behind is flagged as not checked."""

    def inputs(self) -> tuple[str, ...]:
        """Return the model where it is a path; a package has its own version."""
        return (self.model,) if self.engine != "spacy" or "/" in self.model or self.model.startswith(".") else ()


@dataclass(frozen=True, slots=True)
class Name:
    """One name or place in a text."""

    entity: str
    start: int
    end: int
    score: float


Finds = Callable[[str], Iterator[tuple[str, int, int, float]]]


class Names:
    """A loaded model. Raises FilterUnavailable when the package or the model is missing."""

    def __init__(self, settings: NameSettings, base: str) -> None:
        self._settings = settings
        self.longest = settings.longest
        self.label = f"{settings.engine}:{Path(settings.model).name}"
        with _offline():
            self._find = _LOADERS[settings.engine](settings, Path(base))

    def find(self, text: str) -> list[Name]:
        """Return the names of a text, in its order; labels that are not asked for are left out."""
        found = []
        for label, start, end, score in self._find(text[: self.longest]):
            entity = _ENTITY.get(label.lower(), label.upper())
            if entity in self._settings.entities and entity in _ENTITY.values() and start < end:
                found.append(Name(entity, start, end, min(max(score, 0.0), 1.0)))
        return sorted(found, key=lambda one: (one.start, one.end, one.entity))


def _spacy(settings: NameSettings, base: Path) -> Finds:
    spacy: Any = _package("spacy")
    folder = base / settings.model
    try:
        pipeline = spacy.load(folder if folder.is_dir() else settings.model)
    except (OSError, ValueError, ImportError) as error:
        raise _missing(settings, str(error).splitlines()[0][:200]) from error

    def find(text: str) -> Iterator[tuple[str, int, int, float]]:
        for one in pipeline(text).ents:
            yield one.label_, one.start_char, one.end_char, settings.score

    pipeline.max_length = max(pipeline.max_length, settings.longest)
    return find


def _gliner(settings: NameSettings, base: Path) -> Finds:
    folder = _folder(settings, base)
    model = _package("gliner").GLiNER.from_pretrained(str(folder), local_files_only=True)
    labels = [entity.lower() for entity in settings.entities]

    def find(text: str) -> Iterator[tuple[str, int, int, float]]:
        for start, part in _windows(text):
            for one in model.predict_entities(part, labels, threshold=settings.threshold):
                yield one["label"], start + one["start"], start + one["end"], float(one["score"])

    return find


def _transformers(settings: NameSettings, base: Path) -> Finds:
    folder = _folder(settings, base)
    package = _package("transformers")
    tokenizer = package.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    model = package.AutoModelForTokenClassification.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    read = package.pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple")

    def find(text: str) -> Iterator[tuple[str, int, int, float]]:
        for start, part in _windows(text):
            for one in read(part):
                if one["score"] >= settings.threshold:
                    yield one["entity_group"], start + one["start"], start + one["end"], float(one["score"])

    return find


_LOADERS: Final[Mapping[str, Callable[[NameSettings, Path], Finds]]] = {
    "spacy": _spacy,
    "gliner": _gliner,
    "transformers": _transformers,
}


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Yield (start, part) with parts that end at white space, for models that read some hundred tokens."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _WINDOW)
        if end < len(text):
            blank = text.rfind(" ", start + _WINDOW // 2, end)
            end = blank if blank > start else end
        yield start, text[start:end]
        start = end


@contextmanager
def _offline() -> Iterator[None]:
    """Keep these packages, which ask a hub when they may, from asking while a model is loaded, and leave the process as it was.

    huggingface_hub reads its variables once, when it is imported; left so, its sources could not be asked any more.
    """
    before = {name: os.environ.get(name) for name in _OFFLINE}
    constants: Any = importlib.import_module("huggingface_hub.constants")
    asks = constants.HF_HUB_OFFLINE
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = asks
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FilterUnavailable(
            f"the model for names needs the package {name!r}, which is not installed",
            where=_WHERE,
            hint=f"Install it (pip install {name}) or remove filters.pii.names; names are then not checked, and that is said.",
        ) from error


def _folder(settings: NameSettings, base: Path) -> Path:
    folder = base / settings.model
    if not folder.is_dir():
        raise _missing(settings, f"there is no folder {folder}")
    return folder


def _missing(settings: NameSettings, why: str) -> FilterUnavailable:
    return FilterUnavailable(
        f"the {settings.engine} model {settings.model!r} for names cannot be loaded: {why}",
        where=_WHERE,
        hint="Give the folder of a model on this machine, relative to sources.yaml. Nothing is downloaded.",
    )
