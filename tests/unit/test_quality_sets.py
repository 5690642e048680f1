"""quality of whole sources: doubted labels, groups across splits, recordings unlike the others; and the labelled set."""

from __future__ import annotations

import builtins
import hashlib
import io
import math
import random
import wave
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import FilterUnavailable
from acquisition.evaluate import evaluate
from acquisition.filters.quality import LabelQuality, Quality, QualitySettings
from acquisition.filters.quality.gathering import far_bounds
from acquisition.model import Observation, Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of
from tests.fixtures import make_quality

SETTINGS = QualitySettings()


def judged(
    rows: list[dict[str, Any]], folder: Path, settings: QualitySettings = SETTINGS, external: dict[str, str] | None = None
) -> tuple[list[tuple[int, str, float]], list[Observation]]:
    """Return flags as (row, code, score) and observations of one source in two shards."""
    made = Quality(settings, FilterContext(Use(), {}, ("source",), "", external=external or {}, base=str(folder)))
    half, signatures = len(rows) // 2, {}
    for number, part in enumerate((rows[:half], rows[half:])):
        signatures[f"source/1/items-{number:05d}"] = folder / f"{number}.parquet"
        pq.write_table(pa.Table.from_batches([made.sign(items_of(part))]), folder / f"{number}.parquet")
    flags = [
        (flag["row"] + half * int(key[-1]), flag["code"].removeprefix("quality."), flag["score"])
        for key, batch in made.join(signatures, [])
        for flag in batch.to_pylist()
    ]
    return flags, list(made.observe(signatures))


def reviews(wrong: set[int]) -> list[dict[str, Any]]:
    """Return 200 texts on two matters, some with the label of the other."""
    chance = random.Random(5)
    words = {
        "sea": ["ferry", "quay", "sail", "tide", "harbour", "rope", "anchor", "gull"],
        "kitchen": ["oven", "flour", "butter", "whisk", "dough", "salt", "pan", "lentils"],
    }
    rows = []
    for at in range(200):
        kind = "sea" if at % 2 else "kitchen"
        text = " ".join(chance.choices(words[kind], k=14))
        label = ("kitchen" if kind == "sea" else "sea") if at in wrong else kind
        rows.append({"text": text, "label": label, "locator": f"r#{at}"})
    return rows


def test_labels_are_doubted_by_words(tmp_path: Path) -> None:
    """Texts with the other class's label are found, with high scores, and hardly another."""
    pytest.importorskip("cleanlab")
    wrong = {3, 40, 77, 120, 155, 198}
    flags, _ = judged(reviews(wrong), tmp_path, QualitySettings(labels=LabelQuality(noise="words")))
    doubted = {row for row, code, score in flags if code == "label-noise" and score > 0.9}
    assert wrong <= doubted
    assert len(doubted - wrong) <= 2


def test_labels_are_doubted_by_given_predictions(tmp_path: Path) -> None:
    """Out-of-sample probabilities from a file, by locator, decide; the likelier class is named."""
    pytest.importorskip("cleanlab")
    lines = ["locator,kitchen,sea", *(f"r#{at},{0.04 if at % 2 else 0.96},{0.96 if at % 2 else 0.04}" for at in range(200))]
    (tmp_path / "given.csv").write_text("\n".join(lines), encoding="utf-8")
    given = QualitySettings(labels=LabelQuality(noise="predictions", predictions="given.csv"))
    assert given.inputs() == ("given.csv",)
    flags, _ = judged(reviews({10, 11}), tmp_path, given)
    assert [(row, score) for row, code, score in flags if code == "label-noise"] == [(10, 0.96), (11, 0.96)]


def test_what_is_asked_for_and_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions that are missing or are no such table, and a missing cleanlab, end the run with what to do."""
    given = QualitySettings(labels=LabelQuality(noise="predictions", predictions="given.csv"))
    with pytest.raises(FilterUnavailable, match="not there"):
        judged(reviews(set()), tmp_path, given)
    (tmp_path / "given.csv").write_text("name,sea\nx,1\n", encoding="utf-8")
    with pytest.raises(FilterUnavailable, match="id or locator"):
        judged(reviews(set()), tmp_path, given)
    plain = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cleanlab"):
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FilterUnavailable, match="not installed") as told:
        judged(reviews(set()), tmp_path, QualitySettings(labels=LabelQuality(noise="words")))
    assert "acquisition[labels]" in str(told.value.hint)


def test_groups_in_two_splits_are_told(tmp_path: Path) -> None:
    """A speaker in train and test is observed, and flagged in train: the test part wins."""
    parts = {"anna": ("train", "test"), "ben": ("train", "train"), "carl": ("test", "test")}
    rows = [
        {"text": f"A sentence of {name}, the one numbered {at}.", "group": name, "split": parts[name][at % 2]}
        for at in range(8)
        for name in parts
    ]
    flags, observations = judged(rows, tmp_path)
    leaked = [row for row, code, _ in flags if code == "split-leak"]
    assert leaked == [at for at, row in enumerate(rows) if row["group"] == "anna" and row["split"] == "train"]
    told = [one for one in observations if one.code == "quality.split-leak"]
    assert [one.items for one in told] == [3]
    assert told[0].value == pytest.approx(1 / 3)


def clip(seconds: float, rate: int, tune: int) -> bytes:
    """Return a recording of a tone of its own."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        tone = (round(9000 * math.sin(2 * math.pi * (200 + 7 * tune) * at / rate)) for at in range(int(seconds * rate)))
        out.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in tone))
    return stream.getvalue()


def test_recordings_unlike_the_others(tmp_path: Path) -> None:
    """Among forty clips of about a second one of nine seconds is odd, and so is one at another rate."""
    lengths = [1.0 + (at % 5) / 20 for at in range(38)] + [9.0, 1.1]
    rows, external = [], {}
    for at, seconds in enumerate(lengths):
        path = tmp_path / f"{at}.wav"
        path.write_bytes(clip(seconds, 16000 if at == 39 else 8000, at))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()  # looks are remembered by it in the whole process
        external[digest] = str(path)
        rows.append({"modality": "audio", "text": None, "size": path.stat().st_size, "blob": digest, "content_sha256": digest})
    flags, observations = judged(rows, tmp_path, external=external)
    assert [(row, code) for row, code, _ in flags] == [(38, "audio-duration"), (39, "audio-sample-rate")]
    mixed = [one for one in observations if one.code == "quality.audio-sample-rate"]
    assert [one.value for one in mixed] == [pytest.approx(1 / 40)]


def test_bounds_need_enough_items() -> None:
    """Of a few items none is unlike the others; nearly equal items have some room."""
    import numpy as np

    assert far_bounds(np.zeros(10), 4, 0.05) == (float("-inf"), float("inf"))
    assert far_bounds(np.zeros(40), 4, 0.05) == (-0.2, 0.2)


def test_the_labelled_set_is_what_its_script_makes() -> None:
    """Lines, tables and media in the repository are byte for byte what the script makes."""
    before = {path.name: path.read_bytes() for path in sorted(make_quality.FOLDER.iterdir())}
    assert make_quality.make() == make_quality.TARGET.read_text(encoding="utf-8")
    assert {path.name: path.read_bytes() for path in sorted(make_quality.FOLDER.iterdir())} == before


def test_the_labelled_set_is_judged_right() -> None:
    """Floors of precision and recall over all codes of the project's own set."""
    report = evaluate("quality", make_quality.TARGET, SETTINGS, base=str(make_quality.TARGET.parent))
    overall = report.tallies[0]
    assert overall.precision.value is not None
    assert overall.recall.value is not None
    assert min(overall.precision.value, overall.recall.value) >= 0.97
