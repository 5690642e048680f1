"""The opt-out filter turns honoured words of publishers into flags, and says what it does not look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.curate.policy import Policy
from acquisition.filters.opt_out import OptOut, OptOutSettings
from acquisition.model import FLAG_SCHEMA, ITEM_SCHEMA, LicenseClaim, Modality, Release, Use
from acquisition.protocols import FilterContext
from acquisition.rights.signals import OPT_OUTS, Signal, Word
from acquisition.settings import SignalSettings

TRAINING, STORAGE, FETCHING, UNKNOWN = "opt-out.training", "opt-out.storage", "opt-out.fetching", "opt-out.unknown"


def context(policy: Mapping[str, str] | None = None, *, training: bool = True) -> FilterContext:
    """Return the context of one crawl."""
    release = Release("source", "spider", "1", (), LicenseClaim(("CC0-1.0",), "spdx"), reader="crawl")
    use = Use(training=training)
    return FilterContext(use, {"source": release}, ("source",), "", signals=policy or {})


def batch(rows: Sequence[tuple[str | None, Modality]]) -> pa.RecordBatch:
    """Return items given as (signals, modality)."""
    columns = {field.name: pa.nulls(len(rows), field.type) for field in ITEM_SCHEMA}
    columns["id"] = pa.array([f"item-{row}" for row in range(len(rows))], pa.string())
    columns["signals"] = pa.array([row[0] for row in rows], pa.string())
    columns["modality"] = pa.array([str(row[1]) for row in rows], pa.string())
    return pa.record_batch(list(columns.values()), names=list(columns))


def codes(
    *signals: Signal,
    policy: Mapping[str, str] | None = None,
    modality: Modality = Modality.TEXT,
    training: bool = True,
) -> list[str]:
    """Return the codes that one item with these signals gets."""
    text = orjson.dumps([one.record() for one in signals]).decode()
    found = OptOut(OptOutSettings(), context(policy, training=training)).flag(batch([(text, modality)]))
    assert found.schema == FLAG_SCHEMA
    return [str(code) for code in found.column("code").to_pylist()]


def signal(mechanism: str = "tdmrep", **words: Word) -> Signal:
    """Return a signal with words."""
    return Signal(mechanism, "test", f"said by {mechanism}", **words)  # type: ignore[arg-type]  # words are words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, []),
        ({"train": "allow", "fetch": "allow", "store": "allow"}, []),
        ({"train": "deny"}, [TRAINING]),
        ({"store": "deny"}, [STORAGE]),
        ({"fetch": "deny"}, [FETCHING]),
        ({"train": "unknown"}, [UNKNOWN]),
        ({"store": "unknown", "fetch": "unknown"}, [UNKNOWN]),
        ({"train": "deny", "store": "deny", "fetch": "deny"}, [FETCHING, STORAGE, TRAINING]),
        ({"train": "deny", "store": "unknown"}, [TRAINING, UNKNOWN]),
    ],
)
def test_words_become_flags(words: dict[str, Word], expected: list[str]) -> None:
    """A no has a flag by what it forbids, what cannot be read has its own, a yes and silence have none."""
    assert codes(signal(**words)) == expected


def test_what_follows_by_default() -> None:
    """Reservations drop, what cannot be read holds for a person."""
    outcomes = {code: Policy().outcome_for(code, 1.0, "source")[0].value for code in OptOut.codes}
    assert outcomes == {TRAINING: "drop", STORAGE: "drop", FETCHING: "drop", UNKNOWN: "hold"}


@given(st.permutations(["allow", "deny", "unknown", "none"]), st.sampled_from(OPT_OUTS), st.sampled_from(OPT_OUTS))
def test_a_yes_never_cancels_a_no(words: list[Word], one: str, other: str) -> None:
    """Whatever else is said, in whatever order and by whatever mechanism, the no is flagged."""
    said = [signal(one if word == "deny" else other, train=word) for word in words]
    assert TRAINING in codes(*said)


def test_only_what_is_honoured_counts() -> None:
    """Recorded and ignored mechanisms make no flags."""
    for treatment in ("record", "ignore"):
        assert codes(signal(train="deny"), policy={"tdmrep": treatment}) == []
        assert codes(signal(train="deny"), signal("rsl", train="unknown"), policy={"tdmrep": treatment}) == [UNKNOWN]


def test_words_about_images_concern_images() -> None:
    """The noimageai of a page says nothing of its text; an image from the page is reserved."""
    said = Signal("meta-robots", "meta robots", "noimageai", train="deny", store="deny", scope="images")
    assert codes(said, modality=Modality.TEXT) == []
    assert codes(said, modality=Modality.AUDIO) == []
    assert codes(said, modality=Modality.IMAGE) == [STORAGE, TRAINING]


def test_where_no_model_is_trained() -> None:
    """Words on training mean nothing then, and a site closed to AI crawlers is not closed to us; the others stay."""
    assert codes(signal(train="deny"), signal("rsl", train="unknown"), training=False) == []
    assert codes(signal("ai-agents", fetch="deny", train="deny"), training=False) == []
    assert codes(signal("ai-agents", fetch="deny", train="deny")) == [FETCHING, TRAINING]
    assert codes(signal("robots", fetch="deny"), signal(store="deny"), training=False) == [FETCHING, STORAGE]


def test_each_mechanism_is_named_with_its_text() -> None:
    """Two mechanisms that say the same are two flags; the same one twice is one, with its first text."""
    header = Signal("x-robots-tag", "header x-robots-tag", "noai", train="deny")
    meta = Signal("tdmrep", "meta tdm-reservation", "1" * 2_000, {"tdm-policy": "https://ask.example/"}, train="deny")
    text = orjson.dumps([one.record() for one in (header, meta, header)]).decode()
    found = OptOut(OptOutSettings(), context()).flag(batch([(None, Modality.TEXT), (text, Modality.TEXT)])).to_pylist()
    assert [(row["row"], row["code"], row["field"]) for row in found] == [(1, TRAINING, "signals")] * 2
    details = {detail["mechanism"]: detail for detail in (json.loads(row["detail"]) for row in found)}
    assert details["x-robots-tag"] == {"mechanism": "x-robots-tag", "where": "header x-robots-tag", "said": "noai"}
    assert details["tdmrep"]["ask"] == "https://ask.example/"
    assert len(details["tdmrep"]["said"]) == 300


@pytest.mark.parametrize("text", ["{", "null", "7", '"deny"', '{"train": "deny"}', '[{"train": "deny"}]', '[null, "deny"]'])
def test_what_is_no_list_of_signals_is_unknown(text: str) -> None:
    """A column that somebody else filled holds its item instead of passing for silence."""
    found = OptOut(OptOutSettings(), context()).flag(batch([(text, Modality.TEXT)])).column("code").to_pylist()
    assert found == [UNKNOWN]


def test_items_without_signals_have_no_flags() -> None:
    """Null and an empty list are silence."""
    assert (
        OptOut(OptOutSettings(), context())
        .flag(batch([(None, Modality.TEXT), ("", Modality.TEXT), ("[]", Modality.IMAGE)]))
        .num_rows
        == 0
    )
    assert OptOut(OptOutSettings(), context()).flag(batch([])).num_rows == 0


@given(st.text(max_size=200), st.sampled_from(list(Modality)))
def test_any_text_is_taken(text: str, modality: Modality) -> None:
    """Whatever stands in the column, the filter answers."""
    text = text.encode("utf-8", "replace").decode()
    found = OptOut(OptOutSettings(), context()).flag(batch([(text, modality)]))
    assert set(found.column("code").to_pylist()) <= {UNKNOWN}


def test_it_says_what_it_does_not_look_at() -> None:
    """Switched-off mechanisms, sources that are no crawl, and unverified signatures are named."""
    release = Release("hub", "kaggle", "1", (), LicenseClaim((), "prose"))
    told = FilterContext(Use(), {"hub": release}, ("hub",), "", signals={"rsl": "ignore", "plus": "record"})
    said = "\n".join(OptOut(OptOutSettings(), told).not_checked())
    assert "ignored by the declaration: rsl\n" in said
    assert "recorded without consequence by the declaration: plus\n" in said
    assert "behind the items of hub were not looked at" in said
    assert "signatures of C2PA" in said
    assert "behind the items" not in "\n".join(OptOut(OptOutSettings(), context()).not_checked())


def test_the_settings_name_every_mechanism() -> None:
    """What may be written in `signals` is exactly what makes verdicts, all honoured."""
    keys = [info.alias or name for name, info in SignalSettings.model_fields.items()]
    assert sorted(keys) == sorted(OPT_OUTS)
    assert dict(SignalSettings().changed) == {}
    assert dict(SignalSettings.model_validate({"ai-agents": "record"}).changed) == {"ai-agents": "record"}
