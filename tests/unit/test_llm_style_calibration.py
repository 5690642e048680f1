"""Calibrating LLM style: exact bounds, splits, thresholds, refusals, the share of a source, and the seat for a detector."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from acquisition import plugins
from acquisition.cli import cli
from acquisition.errors import FilterUnavailable, PluginError, UsageError
from acquisition.filters.llm_style import LlmStyle, LlmStyleSettings
from acquisition.filters.llm_style.binomial import bounds, needed, upper
from acquisition.filters.llm_style.calibrating import Sample, calibrate
from acquisition.filters.llm_style.calibration import POOLED, Calibration
from acquisition.filters.llm_style.detectors import Detector
from acquisition.filters.llm_style.prevalence import BINS, bin_of, interval, share
from acquisition.filters.llm_style.reading import read_calibration
from acquisition.filters.llm_style.samples import SampleFile
from acquisition.model import Observation, Use
from acquisition.protocols import FilterContext
from acquisition.testing import check_filter, items_of

HUMAN = (
    "boat",
    "rain",
    "stone",
    "bread",
    "door",
    "hill",
    "rope",
    "lamp",
    "wind",
    "coat",
    "salt",
    "road",
    "milk",
    "fire",
    "sand",
    "gate",
    "wool",
    "leaf",
    "nail",
    "soup",
)
MODEL = (
    "delve",
    "realm",
    "pivotal",
    "nuanced",
    "tapestry",
    "foster",
    "crucial",
    "showcase",
    "robust",
    "vibrant",
    "intricate",
    "leverage",
)
BOTH = ("the", "and", "was", "of", "with", "near", "long", "old", "one", "over", "from", "then", "they")


def text(chance: random.Random, *, llm: bool, sentences: int = 14) -> str:
    """Return a text of invented sentences; a model's hold a model's words more often."""
    words = [*HUMAN, *BOTH, *BOTH]
    parts = []
    for _ in range(sentences):
        part = chance.choices(words, k=10)
        if chance.random() < (0.7 if llm else 0.05):
            part[chance.randrange(10)] = chance.choice(MODEL)
        parts.append(" ".join(part))
    return ". ".join(parts) + "."


def sample(human: int, model: int, *, domain: str = "notes", seed: int = 1) -> list[Sample]:
    """Return labelled texts of one domain."""
    chance = random.Random(seed)
    return [Sample(text(chance, llm=at >= human), at >= human, domain) for at in range(human + model)]


def write(made: Calibration, path: Path) -> str:
    """Write a calibration and return its name."""
    path.write_bytes(orjson.dumps(asdict(made)))
    return path.name


def context(base: Path) -> FilterContext:
    """Return a context whose files lie in a folder."""
    return FilterContext(Use(), {}, ("source",), "", base=str(base))


@pytest.mark.parametrize(("seen", "documents"), [(0, 299), (1, 473), (2, 628), (3, 773), (4, 913)])
def test_how_many_human_documents_a_claim_of_one_percent_needs(seen: int, documents: int) -> None:
    """The published table: one document fewer does not support the claim."""
    assert needed(seen, 0.01) == documents
    assert upper(seen, documents) <= 0.01 < upper(seen, documents - 1)


def test_exact_intervals() -> None:
    """Clopper-Pearson bounds of textbooks: 0 of 10, 3 of 20, all of 5, nothing looked at."""
    assert bounds(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert bounds(3, 20) == pytest.approx((0.0321, 0.3789), abs=1e-4)
    assert bounds(5, 5) == pytest.approx((0.4782, 1), abs=1e-4)
    assert bounds(0, 0) == (0, 1)


@given(st.integers(0, 60), st.integers(1, 60))
def test_bounds_hold_the_share(seen: int, of: int) -> None:
    """Whatever was counted, the interval is inside 0 to 1 and holds the share."""
    low, high = bounds(min(seen, of), of)
    assert 0 <= low <= min(seen, of) / of <= high <= 1


def test_the_same_file_gives_the_same_calibration(tmp_path: Path) -> None:
    """The order of lines does not matter, and nothing in it depends on the moment."""
    lines = sample(120, 90)
    again = list(lines)
    random.Random(5).shuffle(again)
    assert calibrate(lines) == calibrate(again)


def test_human_texts_alone_give_a_threshold_for_the_lists() -> None:
    """Nothing is fitted, half sets the threshold, half measures it; a share of a source cannot be estimated."""
    made = calibrate(sample(400, 0), fpr=0.05)
    domain = made.domains["notes"]
    assert (domain.score, domain.human.fit, domain.vocabulary, domain.reference) == ("list", 0, None, None)
    assert domain.human.calibrate + domain.human.report == 400
    assert domain.false_positives.of == domain.human.report
    assert domain.false_positives.bound <= 0.12
    assert "25" in domain.refused


def test_model_texts_fit_the_words_of_the_domain() -> None:
    """With both kinds the domain's own words score, almost every model text is found, and the error is measured on others."""
    domain = calibrate(sample(900, 300), fpr=0.02).domains["notes"]
    assert domain.score == "fitted"
    assert domain.true_positives is not None
    assert domain.true_positives.seen / domain.true_positives.of > 0.9
    assert domain.false_positives.seen / domain.false_positives.of < 0.05
    assert domain.reference is not None
    assert domain.reference.baseline < 0.1
    assert domain.reference.ceiling > 0.8


def test_a_small_sample_is_said_to_be_small() -> None:
    """Under 20 human texts there is no threshold, and under 299 no claim of one percent."""
    small = calibrate(sample(15, 0)).domains
    assert small["notes"].threshold is None
    assert "any other domain" in small["notes"].verdict
    assert "any other domain" not in small["*"].verdict
    domain = calibrate(sample(200, 0)).domains["notes"]
    assert domain.threshold is not None
    assert not domain.supported
    assert "299" in domain.verdict or "473" in domain.verdict


def test_short_texts_are_left_out_and_copies_stay_together() -> None:
    """A text under min_words is not counted; equal groups and equal texts fall into one part."""
    made = calibrate([*sample(60, 0), Sample("too short to say anything")])
    assert made.left_out == 1
    alike = [Sample(one.text, group="one author") for one in sample(60, 0)]
    parts = calibrate(alike).domains["unnamed"].human
    assert sorted((parts.fit, parts.calibrate, parts.report)) == [0, 0, 60]


def test_slices_have_their_own_error() -> None:
    """Dates before ChatGPT and slices that the lines name are reported apart."""
    lines = [
        Sample(
            one.text, False, "notes", date="2019-04-01" if at % 2 else "2023-05-01", slice="non-native" if at % 3 == 0 else ""
        )
        for at, one in enumerate(sample(300, 0))
    ]
    names = {one.name for one in calibrate(lines).domains["notes"].slices}
    assert names == {"before November 2022", "since November 2022", "non-native"}


def test_the_strictest_domain_judges_texts_of_unknown_domain() -> None:
    """The pooled threshold is at least that of every domain scored alike."""
    made = calibrate([*sample(300, 0, domain="notes"), *sample(300, 0, domain="logs", seed=2)], fpr=0.05)
    strictest = max(one.threshold or 0 for name, one in made.domains.items() if name != POOLED)
    assert made.domains[POOLED].threshold == strictest


def signed(style: LlmStyle, rows: Sequence[Mapping[str, object] | str], path: Path, source: str) -> list[Observation]:
    """Return what is observed of one source whose shard holds these rows."""
    pq.write_table(pa.Table.from_batches([style.sign(items_of(rows, source=source))]), path)
    return list(style.observe({f"{source}/1/items-00000": path}))


def test_a_calibrated_filter_flags_above_the_threshold(tmp_path: Path) -> None:
    """Model texts get their code with the numbers it rests on; the domain comes from a column, the settings or the source."""
    name = write(calibrate(sample(900, 300), fpr=0.02), tmp_path / "c.json")
    chance = random.Random(77)
    rows = [{"text": text(chance, llm=True), "fields": '{"domain":"notes"}'}, {"text": text(chance, llm=False)}]
    flags = check_filter(
        LlmStyle, items_of(rows), tmp_path, settings=LlmStyleSettings(calibration=name), context=context(tmp_path)
    )
    said = [flag for flag in flags.to_pylist() if flag["code"] == "llm-style.calibrated"]
    assert [flag["row"] for flag in said] == [0]
    detail = orjson.loads(said[0]["detail"])
    assert detail["value"] > detail["threshold"]
    assert detail["domain"] == "notes"
    assert set(detail["cues"]) & set(MODEL)


@pytest.mark.parametrize("real", [0.0, 0.3, 1.0])
def test_the_share_of_a_source_is_estimated_with_its_interval(real: float, tmp_path: Path) -> None:
    """In its own domain the interval holds the share that was mixed, and it says that it is biased."""
    name = write(calibrate(sample(600, 400)), tmp_path / "c.json")
    style = LlmStyle(LlmStyleSettings(calibration=name, domains={"mix*": "notes"}), context(tmp_path))
    chance = random.Random(9)
    rows = [text(chance, llm=at < 200 * real) for at in range(200)]
    found = {one.code: one for one in signed(style, rows, tmp_path / "s.parquet", "mixture")}
    estimate = found["llm-style.prevalence"]
    assert estimate.low <= real <= estimate.high
    assert estimate.high - estimate.low < 0.35
    assert "Biased" in estimate.detail
    assert found["llm-style.false-positive-rate"].items > 0
    assert found["llm-style.style-words"].items == 200


def test_no_share_is_estimated_outside_its_domain(tmp_path: Path) -> None:
    """Without a domain, in another domain, and from too few documents it is not identifiable, and why is said."""
    name = write(calibrate(sample(600, 400)), tmp_path / "c.json")
    style = LlmStyle(LlmStyleSettings(calibration=name, domains={"notes": "notes"}), context(tmp_path))
    chance = random.Random(3)
    rows = [text(chance, llm=False) for _ in range(60)]
    strange = ["kernel driver buffer interrupt handler memory page cache flush lock queue. " * 12 for _ in range(60)]
    reasons = []
    for source, texts in (("nowhere", rows), ("notes", strange), ("notes", rows[:5])):
        found = {one.code: one for one in signed(style, texts, tmp_path / "s.parquet", source)}
        assert "llm-style.prevalence" not in found
        refused = found["llm-style.not-identifiable"]
        assert (refused.low, refused.high) == (0, 1)
        reasons.append(refused.detail)
    assert all(word in reason for word, reason in zip(("no domain", "another domain", "too few"), reasons, strict=True))


def test_the_mixture_is_found_in_a_histogram() -> None:
    """The estimate maximises the likelihood: all human is 0, all model 1, and an empty histogram 0."""
    rows = np.zeros((3, BINS))
    rows[0, bin_of(-5)] = rows[1, bin_of(5)] = 100
    assert share(rows) == pytest.approx([0, 1, 0], abs=0.01)
    value, low, high = interval(np.repeat(rows[:1], 8, axis=0))
    assert (value, low, high) == pytest.approx((0, 0, 0), abs=0.01)
    assert bin_of(-1e9) == 0
    assert bin_of(1e9) == BINS - 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": "other"}, "schema"),
        ({"words": "0" * 64}, "another list"),
        ({"domains": {}}, "unknown domain"),
        ({"fpr": "much"}, "fpr"),
    ],
)
def test_a_calibration_that_cannot_be_right_is_refused(change: dict[str, object], why: str, tmp_path: Path) -> None:
    """Another schema, another word list, a missing entry and a wrong type end the run with the reason."""
    made = asdict(calibrate(sample(60, 0)))
    (tmp_path / "c.json").write_bytes(orjson.dumps(made | change))
    with pytest.raises(FilterUnavailable, match=why):
        read_calibration(tmp_path / "c.json")
    with pytest.raises(FilterUnavailable, match="cannot be read"):
        read_calibration(tmp_path / "none.json")


def test_the_command_writes_what_the_filter_reads(tmp_path: Path) -> None:
    """`acquire calibrate llm-style` writes a file that loads, prints the verdict, and writes the same bytes again."""
    labelled = tmp_path / "mine.jsonl"
    labelled.write_text(
        "".join(json.dumps({"text": one.text, "llm": one.llm, "domain": "notes"}) + "\n" for one in sample(200, 100))
    )
    out = tmp_path / "c.json"
    arguments = ["calibrate", "llm-style", str(labelled), "--out", str(out), "--fpr", "0.05"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert "held back" in result.output
    first = out.read_bytes()
    assert read_calibration(out).sample
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).output)
    assert told["kind"] == "calibrate"
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    "content", ["", '{"llm": true}\n', '{"text": 3}\n', "[]\n", "{\n", '{"text": "a", "date": "yesterday"}\n']
)
def test_lines_that_cannot_be_counted_are_named(content: str, tmp_path: Path) -> None:
    """An empty file and lines without a text end with a usage error that names the place."""
    (tmp_path / "bad.jsonl").write_text(content)
    with pytest.raises(UsageError):
        list(SampleFile(tmp_path / "bad.jsonl"))


def test_lone_surrogates_in_lines_are_read(tmp_path: Path) -> None:
    """An escape that no text can hold becomes a question mark, as everywhere."""
    (tmp_path / "odd.jsonl").write_text('{"text": "a\\ud800b"}\n')
    assert [one.text for one in SampleFile(tmp_path / "odd.jsonl")] == ["a?b"]


class Oracle(Detector):
    """Scores a text by its length: the double of a detector."""

    name: ClassVar[str] = "oracle"

    def __init__(self, model: Path | None, options: Mapping[str, str | int | float | bool]) -> None:
        self._scale = float(options.get("scale", 100))

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return a hundredth of the length."""
        return np.array([len(one) / self._scale for one in texts])

    def limits(self) -> tuple[str, ...]:
        """Return its one limit."""
        return ("oracle: knows nothing but lengths",)


@pytest.fixture
def seated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the double as an installed detector."""
    point = EntryPoint("oracle", f"{__name__}:Oracle", plugins.DETECTORS)
    monkeypatch.setattr(plugins, "registered", lambda group: {"oracle": point} if group == plugins.DETECTORS else {})
    monkeypatch.setattr(plugins, "load", lambda _group, _name: Oracle)


def test_a_detector_takes_its_seat(seated: None, tmp_path: Path) -> None:
    """Texts at or above its threshold get its code, its limits are said, and a score out of range is its author's fault."""
    settings = LlmStyleSettings.model_validate({"detector": {"name": "oracle", "threshold": 0.5}})
    flags = check_filter(
        LlmStyle, items_of(["short", "x" * 60]), tmp_path, settings=settings, context=context(tmp_path)
    ).to_pylist()
    assert [(flag["row"], flag["code"], flag["score"]) for flag in flags] == [(1, "llm-style.detector", 0.6)]
    style = LlmStyle(settings, context(tmp_path))
    assert "oracle: knows nothing but lengths" in style.not_checked()
    with pytest.raises(PluginError):
        style.sign(items_of(["x" * 200]))


def test_a_detector_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    """A name that is not installed, and a model that is missing, are said with what to do."""
    with pytest.raises(FilterUnavailable, match="is installed"):
        LlmStyle(LlmStyleSettings.model_validate({"detector": {"name": "none-such"}}), context(tmp_path))


def test_a_missing_model_of_a_detector_is_said(seated: None, tmp_path: Path) -> None:
    """The path is checked before the detector is asked."""
    with pytest.raises(FilterUnavailable, match="not there"):
        LlmStyle(LlmStyleSettings.model_validate({"detector": {"name": "oracle", "model": "none.bin"}}), context(tmp_path))
