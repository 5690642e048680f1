"""Evaluation: figures, labelled lines and their faults, and what counts as said by a filter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.cli import main
from acquisition.curate.policy import Policy
from acquisition.errors import UsageError
from acquisition.evaluate import SCORED, Tally, evaluate, wilson
from acquisition.evaluate.claims import claims
from acquisition.evaluate.labelled import (
    LINES,
    DuplicateLine,
    LicenseLine,
    LlmLine,
    PiiLine,
    QualityLine,
    SpanLabel,
    read_lines,
)
from acquisition.evaluate.running import Answers, Said
from acquisition.evaluate.scores import Counting, duplicates, llm_style, pii, quality
from acquisition.model import Observation


def _written(folder: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    file = folder / "labelled.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8")
    return file


def _said(code: str, span: tuple[int, int] = (-1, -1), score: float = 1.0, **detail: Any) -> Said:
    return Said("item", code, score, "text" if span[0] >= 0 else "", *span, detail)


def _tally(tallies: Sequence[Tally], name: str) -> Tally:
    return next(tally for tally in tallies if tally.name == name)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_published_intervals(hits: int, trials: int, low: float, high: float) -> None:
    """Newcombe's worked example (81 of 263) and the ends of the scale."""
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


@given(trials=st.integers(0, 10_000), part=st.floats(0, 1))
def test_an_interval_holds_its_share(trials: int, part: float) -> None:
    """The share lies inside its interval, which lies inside 0..1."""
    hits = round(part * trials)
    low, high = wilson(hits, trials)
    assert 0 <= low <= high <= 1
    assert trials == 0 or low <= hits / trials <= high


def test_a_tally_counts_verdicts() -> None:
    """Precision, recall, F1 and false-positive rate from four kinds of pairs."""
    tally = Tally.of("all", "texts", [(True, True)] * 6 + [(True, False)] * 2 + [(False, True)] * 3 + [(False, False)] * 9)
    assert (tally.precision.value, tally.recall.value, tally.false_positive_rate.value) == (6 / 9, 6 / 8, 3 / 12)
    assert tally.f1.value == pytest.approx(2 * 6 / (2 * 6 + 2 + 3))


def test_nothing_counted_is_no_figure() -> None:
    """Where nothing was said and nothing is labelled there is no share, and the interval is everything."""
    tally = Tally.of("none", "texts", [])
    assert tally.precision.value is None
    assert tally.f1.value is None
    assert (tally.recall.low, tally.recall.high) == (0.0, 1.0)


# --- labelled lines -----------------------------------------------------------------------------------------------------


def test_a_claim_may_be_what_the_hub_gives() -> None:
    """A list or an object is read as the text of its JSON; a text stays as it is."""
    line = LicenseLine.model_validate
    assert line({"id": "a", "claim": ["mit", "other"], "expected": None}).claim == '["mit", "other"]'
    assert line({"id": "a", "claim": {"name": "MIT"}, "expected": "MIT"}).claim == '{"name": "MIT"}'
    assert line({"id": "a", "claim": "mit", "expected": "MIT"}).claim == "mit"


def test_all_faults_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    """A line that is no JSON, lacks a key, doubles an id or points outside its text is named with its number."""
    file = _written(
        tmp_path,
        [
            {"id": 1, "text": "abc", "spans": []},
            "{",
            {"id": 2, "spans": []},
            {"id": 1, "text": "abc", "spans": []},
            {"id": 3, "text": "abc", "spans": [{"start": 1, "end": 9, "entity_type": "X"}]},
            "[" * 100_000,
        ],
    )
    with pytest.raises(UsageError) as caught:
        read_lines(file, PiiLine)
    assert [f":{number}:" in caught.value.message for number in range(1, 7)] == [False, True, True, True, True, True]


def test_a_sample_is_a_text_or_a_file_that_is_there(tmp_path: Path) -> None:
    """Text and path exclude each other, and a path must lead to a file."""
    good = {"id": 1, "text": "a", "adult": False}
    for bad in ({"path": "a.txt"}, {}, {"text": "a", "path": "labelled.jsonl"}):
        file = _written(tmp_path, [good, {"id": 2, "adult": True, **bad}])
        with pytest.raises(UsageError) as caught:
            read_lines(file, LINES["adult"])
        assert ":2:" in caught.value.message


def test_lone_surrogates_and_marks_of_order_are_read(tmp_path: Path) -> None:
    """JSON may escape what UTF-8 cannot hold; it becomes a replacement, as in every reader."""
    file = tmp_path / "labelled.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "a\\ud800b", "spans": []}\n\n')
    (line,) = read_lines(file, PiiLine)
    assert line.text == "a?b"


def test_an_unknown_filter_is_named(tmp_path: Path) -> None:
    """A filter without a labelled form is refused, and those that have one are listed."""
    with pytest.raises(UsageError) as caught:
        evaluate("opt_out", _written(tmp_path, []))
    assert all(name in caught.value.hint for name in SCORED)


def test_names_are_taken_with_hyphens_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`llm-style`, as `calibrate` has it, is `llm_style`; a label that is no code is named beside its count."""
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "llm-style", str(_written(tmp_path, [{"id": "a", "text": "Rain.", "llm": False}]))])
    assert ended.value.code == 0
    with pytest.raises(SystemExit):
        main(["evaluate", "quality", str(_written(tmp_path, [{"id": "a", "text": "Rain fell.", "codes": ["blury", "empty"]}]))])
    assert "no such code, so it counts as not checked: quality.blury\n" in capsys.readouterr().out


# --- what counts --------------------------------------------------------------------------------------------------------


def test_spans_count_by_overlap_of_one_type() -> None:
    """A hit overlaps a span of its own type; another type is wrong and missed; a type nobody looks for is listed apart."""
    text = "x" * 100
    spans = [("EMAIL_ADDRESS", 0, 10), ("PHONE_NUMBER", 20, 30), ("PERSON", 40, 50)]
    labelled = tuple(SpanLabel(start=start, end=end, entity_type=kind) for kind, start, end in spans)
    lines = [PiiLine(id="a", text=text, spans=labelled), PiiLine(id="b", text=text, spans=())]
    flags = {
        "a": [_said("pii.email-address", (5, 12)), _said("pii.credit-card", (20, 30))],
        "b": [_said("pii.email-address", (1, 2)), _said("pii.phone-number", (3, 9), score=0.1)],
    }
    tallies = pii(lines, Answers(flags=flags, codes_off={"pii.person"}), Counting("pii", Policy()))
    mail, phone, person = (_tally(tallies, name) for name in ("EMAIL_ADDRESS", "PHONE_NUMBER", "PERSON"))
    assert (mail.found, mail.missed, mail.wrong, mail.alarms, mail.clean) == (1, 0, 1, 1, 1)
    assert (phone.found, phone.missed, phone.wrong) == (0, 1, 0)
    assert (person.missed, person.unchecked) == (1, 1)
    assert _tally(tallies, "CREDIT_CARD").wrong == 1
    assert (_tally(tallies, "overall").found, _tally(tallies, "overall").missed) == (1, 2)


def test_a_document_counts_by_types_that_are_looked_for_on_both_sides() -> None:
    """A birthday found where dates are not looked for is no false alarm of its document, and no hit."""
    lines = [PiiLine(id="a", text="x" * 50, spans=(SpanLabel(start=0, end=9, entity_type="DATE_TIME"),))]
    flags = {"a": [_said("pii.date-time", (0, 9))]}
    for off, expected in (({"pii.date-time"}, (0, 0, 1)), (set[str](), (1, 0, 0))):
        tallies = pii(lines, Answers(flags=flags, codes_off=off), Counting("pii", Policy()))
        documents = _tally(tallies, "holds any that is looked for")
        assert (documents.found, documents.alarms, documents.clean) == (expected[0], expected[1], expected[2])


def test_pairs_are_counted_exact_and_near_apart() -> None:
    """One exact pair found, one near pair missed, and one single item drawn in."""
    lines = [
        DuplicateLine(id="a", text="same", cluster=1),
        DuplicateLine(id="b", text="same", cluster=1),
        DuplicateLine(id="c", text="sane", cluster=1),
        DuplicateLine(id="d", text="other", cluster=2),
    ]
    flags = {name: [_said("duplicate.exact", cluster="A")] for name in "abd"}
    tallies = duplicates(lines, Answers(flags=flags), Counting("duplicates", Policy()))
    assert (_tally(tallies, "exact").found, _tally(tallies, "exact").missed, _tally(tallies, "exact").wrong) == (1, 0, 0)
    assert (_tally(tallies, "near").found, _tally(tallies, "near").missed, _tally(tallies, "near").wrong) == (0, 2, 2)
    assert (_tally(tallies, "overall").clean, _tally(tallies, "overall").alarms) == (1, 1)


def test_a_bare_score_is_no_verdict() -> None:
    """Of LLM style phrases count, the uncalibrated score does not; domains are told apart."""
    lines = [LlmLine(id="a", text="x", llm=True, domain="news"), LlmLine(id="b", text="y", llm=False, domain="mail")]
    flags = {"a": [_said("llm-style.boilerplate", (0, 1))], "b": [_said("llm-style.score", score=0.99)]}
    tallies = llm_style(lines, Answers(flags=flags), Counting("llm_style", Policy()))
    assert (_tally(tallies, "overall").found, _tally(tallies, "overall").alarms) == (1, 0)
    assert (_tally(tallies, "domain news").found, _tally(tallies, "domain mail").clean) == (1, 1)


def test_codes_of_a_table_come_from_rows_and_columns() -> None:
    """What is observed of a table's column counts for the table's line; a code nobody declares is listed apart."""
    lines = [QualityLine(id="a", path="a.csv", codes=("quality.empty", "quality.no-such-thing"))]
    observed = {"a": [Observation("quality.empty", "line-1", 1, 1, 1, 1)]}
    tallies = quality(lines, Answers(observed=observed), Counting("quality", Policy()))
    assert (_tally(tallies, "quality.empty").found, _tally(tallies, "overall").found) == (1, 1)
    assert (_tally(tallies, "quality.no-such-thing").missed, _tally(tallies, "quality.no-such-thing").unchecked) == (1, 1)


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_duplicates_are_evaluated_from_texts_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints one document with --json; texts and files of equal bytes are found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").write_text("A note about the weather in spring, written twice.\n", encoding="utf-8")
    (tmp_path / "two.txt").write_text("A note about the weather in spring, written twice.\n", encoding="utf-8")
    lines: list[dict[str, Any]] = [
        {"id": "a", "path": "one.txt", "cluster": "w"},
        {"id": "b", "path": "two.txt", "cluster": "w"},
        {"id": "c", "text": "Something else altogether stands here.", "cluster": None},
    ]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "duplicates", str(_written(tmp_path, lines)), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    overall = told["results"][0]
    assert (overall["found"], overall["missed"], overall["wrong"], overall["clean"]) == (1, 0, 0, 1)
    assert told["mistakes"] == []
    assert told["throughput"]["items"] == 3
    assert told["settings_from"] == "no declaration"


def test_what_is_said_of_a_part_names_the_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A figure of one language, column or table is printed with its name."""
    monkeypatch.chdir(tmp_path)
    text = "The cat sat on the mat and looked at the birds in the garden."
    with pytest.raises(SystemExit):
        main(["evaluate", "quality", str(_written(tmp_path, [{"id": "a", "text": text, "codes": []}]))])
    assert "quality.languages (en): 1 (0.207 to 1) of 1\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("claim", "expected", "right"),
    [
        ("Database Contents License (DbCL) v1.0", "DbCL-1.0", True),
        ("Database: Open Database, Contents: Database Contents", "ODbL-1.0 AND DbCL-1.0", True),
        ("MIT", "Apache-2.0", False),
        ("MIT", "no license at all", False),
    ],
)
def test_expected_licenses_without_an_spdx_identifier_are_read_as_claims_are(claim: str, expected: str, *, right: bool) -> None:
    """SPDX has no identifier for the DbCL; a labelled file may call it by its short name."""
    tallies, *_ = claims([LicenseLine(id="a", claim=claim, expected=expected)])
    assert (tallies[0].found, tallies[0].wrong) == ((1, 0) if right else (0, 1))


def test_noassertion_is_none_expected() -> None:
    """`NOASSERTION` says what null says."""
    tallies, *_ = claims([LicenseLine(id="a", claim="unknown", expected="NOASSERTION")])
    assert (tallies[0].clean, tallies[0].missed, tallies[0].wrong) == (1, 0, 0)


def test_mistakes_are_named_by_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missed and a wrong line are told with their numbers; personal values are not repeated."""
    lines = [
        {"id": "a", "claim": "MIT", "expected": "MIT"},
        {"id": "b", "claim": "MIT", "expected": "Apache-2.0"},
        {"id": "c", "claim": "nobody knows", "expected": "CC0-1.0"},
    ]
    with pytest.raises(SystemExit):
        main(["evaluate", "license", str(_written(tmp_path, lines))])
    shown = capsys.readouterr().out
    assert "line 2, id b: missed Apache-2.0; wrong MIT" in shown
    assert "line 3, id c: missed CC0-1.0" in shown
    text = "Write to someone@example.org."
    span = {"start": 0, "end": 5, "entity_type": "PERSON"}
    with pytest.raises(SystemExit):
        main(["evaluate", "pii", str(_written(tmp_path, [{"id": "p", "text": text, "spans": [span]}]))])
    shown = capsys.readouterr().out
    assert "missed PERSON at 0-5; wrong EMAIL_ADDRESS at 9-28" in shown
    assert "someone" not in shown


def test_what_is_not_checked_is_said_once_for_all_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts in three languages are run in three ways; the sentences are those of one filter for all of them."""
    seen: list[tuple[str, ...]] = []

    def ran(name: str, settings: Any, *_rest: object) -> Answers:
        seen.append(settings.languages)
        return Answers(not_checked=[f"telephones of {settings.languages}"])

    monkeypatch.setattr("acquisition.evaluate.evaluating.run", ran)
    file = tmp_path / "pii.jsonl"
    lines: list[dict[str, Any]] = [
        {"id": language, "text": "plain", "language": language, "spans": []} for language in ("en", "de", "nl")
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = evaluate("pii", file).not_checked
    assert sorted(seen) == [("de",), ("en",), ("nl",)]
    assert len(said) == len(set(said))
    assert [
        sentence for sentence in said if "telephone" in sentence and "DE" in sentence and "GB" in sentence and "NL" in sentence
    ]
    assert sum("telephone" in sentence for sentence in said) == 1
