"""The license filter judges every item, and costs one judgement per distinct claim."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from acquisition.engine.flags import rights_digests
from acquisition.filters import license as gate
from acquisition.filters.license import License, LicenseGateSettings, release_codes
from acquisition.model import FLAG_SCHEMA, ITEM_SCHEMA, NO_CLAIM, Evidence, LicenseClaim, Release, Use
from acquisition.pipeline.texts import license_texts
from acquisition.protocols import FilterContext
from acquisition.rights.licenses import conclude
from acquisition.stage import Held
from acquisition.testing import items_of

CLAIMS = {
    "free": LicenseClaim(("CC-BY-4.0",), "spdx"),
    "nc": LicenseClaim(("cc-by-nc-4.0",), "huggingface"),
    "silent": NO_CLAIM,
    "list": LicenseClaim(("mit", "cc-by-4.0"), "huggingface"),
    "bound": LicenseClaim(("CC0-1.0",), "mdc", redistribute=False),
}
SILENT = (("", ""),)
RELEASES = {name: Release(name, "http", "1", (), claim) for name, claim in CLAIMS.items()}


def flags(rows: Sequence[tuple[str, str | None, str | None]], use: Use = Use(commercial=True)) -> list[tuple[int, str, str]]:  # noqa: B008 - a frozen value
    """Return (row, code, field) for items given as (source, license_raw, license_url)."""
    return [(flag["row"], flag["code"], flag["field"]) for flag in batch(rows, use).to_pylist()]


def batch(rows: Sequence[tuple[str, str | None, str | None]], use: Use) -> pa.RecordBatch:
    """Return the flags of items given as (source, license_raw, license_url)."""
    columns = {field.name: pa.nulls(len(rows), field.type) for field in ITEM_SCHEMA}
    columns["id"] = pa.array([f"item-{row}" for row in range(len(rows))], pa.string())
    for place, name in enumerate(("source", "license_raw", "license_url")):
        columns[name] = pa.array([row[place] for row in rows], pa.string())
    items = pa.record_batch(list(columns.values()), names=list(columns))
    return License(LicenseGateSettings(), FilterContext(use, RELEASES, tuple(RELEASES), "")).flag(items)


def test_the_release_speaks_for_silent_items() -> None:
    """Items without a license of their own get what their release's claim earns."""
    rows = [("free", None, None), ("nc", None, None), ("silent", "", None), ("list", None, ""), ("undeclared", None, None)]
    assert flags(rows) == [
        (1, "license.denied", ""),
        (2, "license.unknown", ""),
        (3, "license.review", ""),
        (4, "license.unknown", ""),
    ]


def test_an_items_own_license_comes_first() -> None:
    """A clip under a stricter license is denied although its release is free; one under a free license passes."""
    rows = [
        ("free", "CC BY-NC 4.0", None),
        ("silent", "CC0", None),
        ("silent", None, "https://creativecommons.org/licenses/by-nc/3.0/"),
    ]
    assert flags(rows) == [(0, "license.denied", "license_raw"), (2, "license.denied", "license_url")]


def test_words_that_cannot_be_read_are_unknown() -> None:
    """An item that says something unreadable of its own is not covered by its release."""
    assert flags([("free", "see the website", None)]) == [(0, "license.unknown", "license_raw")]


def test_a_freer_item_than_its_release_is_a_conflict() -> None:
    """Where the release allows less than the item says, that is flagged; a difference in duties alone is none."""
    assert flags([("nc", "CC0", None)]) == [(0, "license.conflict", "license_raw")]
    assert flags([("free", "CC0", None)]) == []


def test_the_address_gives_the_version() -> None:
    """Words without a version want review, with their address they do not."""
    assert flags([("silent", "Attribution", None)]) == [(0, "license.review", "license_raw")]
    assert flags([("silent", "Attribution", "http://creativecommons.org/licenses/by/3.0/")]) == []


def test_the_terms_of_the_release_hold_for_every_item() -> None:
    """Terms that forbid passing on beat the item's own license."""
    assert flags([("bound", "CC BY 4.0", None)], Use(redistribute=True)) == [(0, "license.denied", "license_raw")]


def test_flags_have_the_schema_and_the_order_of_items() -> None:
    """Flags come in item order with the declared columns, a full score and a reason that names claim and conclusion."""
    found = batch(
        [("nc", "CC0", None), ("nc", None, None), ("free", None, None), ("silent", None, None)] * 3, Use(commercial=True)
    )
    assert found.schema.equals(FLAG_SCHEMA)
    rows = found.column("row").to_pylist()
    assert rows == sorted(rows)
    assert found.column("item").to_pylist() == [f"item-{row}" for row in rows]
    assert set(found.column("score").to_pylist()) == {1.0}
    denied = next(flag for flag in found.to_pylist() if flag["code"] == "license.denied")
    assert "cc-by-nc-4.0 → CC-BY-NC-4.0" in denied["detail"]
    assert "commercial" in denied["detail"]


def test_no_items_no_flags() -> None:
    """An empty batch gives an empty batch of the right schema."""
    found = batch([], Use())
    assert found.schema.equals(FLAG_SCHEMA)
    assert found.num_rows == 0


def test_each_claim_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand silent items of one source cost one judgement."""
    calls: list[str] = []
    real = License._judged

    def counted(self: License, source: str, raw: str, url: str) -> tuple[tuple[str, str], ...]:
        calls.append(source)
        return real(self, source, raw, url)

    monkeypatch.setattr(gate.License, "_judged", counted)
    assert len(flags([("nc", None, None)] * 10_000)) == 10_000
    assert calls == ["nc"]


def text(words: str, name: str = "LICENSE") -> tuple[Evidence, ...]:
    """Return one text of a release."""
    return (Evidence(name, words, name, "0" * 64, ""),)


def with_texts(texts: Mapping[str, tuple[Evidence, ...]], use: Use = Use()) -> License:  # noqa: B008 - a frozen value
    """Return the filter with texts of releases."""
    return License(LicenseGateSettings(), FilterContext(use, RELEASES, tuple(RELEASES), "", texts=texts))


def codes_of(texts: Mapping[str, tuple[Evidence, ...]], rows: Sequence[str], use: Use | None = None) -> list[tuple[int, str]]:
    """Return (row, code) of silent items of sources whose releases have texts."""
    found = (
        with_texts(texts, use or Use(commercial=True))
        .flag(items_of([{"source": source, "text": "x"} for source in rows]))
        .to_pylist()
    )
    return [(flag["row"], flag["code"]) for flag in found]


def test_a_text_speaks_where_the_claim_is_silent() -> None:
    """A release without a claim is covered by its LICENSE, and forbidden by it."""
    assert codes_of({"silent": text("Licensed under CC BY 4.0.")}, ["silent"]) == []
    assert codes_of({"silent": text("Licensed under CC BY-NC 4.0.")}, ["silent"]) == [(0, "license.denied")]


@pytest.mark.parametrize("name", ["LICENSE", "README.md"])
def test_a_text_that_contradicts_its_label(name: str) -> None:
    """Where a text and the label differ a person is asked, and nothing is denied that the label alone allows."""
    found = codes_of({"free": text("Licensed under CC BY-NC 4.0.", name)}, ["free", "nc"])
    assert found == [(0, "license.text-conflict"), (1, "license.denied")]
    assert codes_of({"free": text("Licensed under CC BY-SA 4.0.")}, ["free"], Use()) == [(0, "license.text-conflict")]


def test_a_contradiction_names_both_texts() -> None:
    """The detail says what is claimed, which text says what, and what both together do not allow."""
    made = with_texts({"free": text("This data is licensed under CC BY-NC 4.0.", "README.md")}, Use(commercial=True))
    (flag,) = made.flag(items_of([{"source": "free", "text": "x"}])).to_pylist()
    for part in ("CC-BY-4.0", "is claimed", "README.md gives CC-BY-NC-4.0", "does not allow commercial use"):
        assert part in flag["detail"]


def test_texts_that_contradict_each_other_deny_nothing() -> None:
    """Without a claim, two texts that give different licenses ask for a person."""
    texts = (*text("Licensed under CC BY 4.0."), *text("Licensed under CC BY-NC 4.0.", "README.md"))
    assert codes_of({"silent": texts}, ["silent"]) == [(0, "license.text-conflict")]


def shown(declared: str, words: str, name: str = "LIC2.txt") -> Release:
    """Return a release whose license somebody declares, with a file that shows it."""
    evidence = Evidence("license.evidence", words, name, hashlib.sha256(words.encode()).hexdigest(), "")
    return Release("mine", "local", "1", (), LicenseClaim((declared,), "user", "user", evidence=(evidence,)))


def test_evidence_of_another_license_contradicts_what_is_declared() -> None:
    """A file that surely gives another license is named, both licenses are applied, and a person is asked."""
    release = shown("CC0-1.0", "This work is licensed under CC BY-NC 4.0.")
    ((code, detail),) = release_codes(release, Use(commercial=True))
    assert code == "license.text-conflict"
    assert "(CC0-1.0) is claimed; LIC2.txt gives CC-BY-NC-4.0" in detail
    concluded = conclude(release.license)
    assert (concluded.concluded, concluded.files, concluded.review) == ("CC0-1.0 AND CC-BY-NC-4.0", ("LIC2.txt",), True)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("CC-BY-4.0", "This work is licensed under CC BY 4.0."),
        ("MIT OR Apache-2.0", "Licensed under Apache-2.0."),
        ("CC0-1.0", "Dear Jo, of course you may use all of it."),
        ("CC0-1.0", "We looked at MIT and at CC BY 4.0 before."),
        ("CC0-1.0", "(19,002 bytes, not a text)"),
    ],
)
def test_evidence_that_agrees_or_names_nothing_for_sure_asks_nobody(declared: str, words: str) -> None:
    """What fits, a letter without a license's name, one that names several, and what is no text leave the word as it is."""
    release = shown(declared, words, "LICENSE")
    assert release_codes(release, Use(commercial=True, redistribute=True)) == ()
    assert conclude(release.license).concluded == declared


def test_an_address_shown_for_a_license_is_no_text_of_it() -> None:
    """A page's address is recorded unread, whatever license it names."""
    address = "https://creativecommons.org/licenses/by-nc/4.0/"
    claim = LicenseClaim(("CC0-1.0",), "user", "user", evidence=(Evidence("license.evidence", address, address, "", ""),))
    assert release_codes(Release("mine", "local", "1", (), claim), Use(commercial=True)) == ()


def test_evidence_that_is_changed_is_judged_anew() -> None:
    """Another text of the same name is another digest of the source's rights, so what was found before is not taken."""
    agreeing, other = (
        rights_digests("license", FilterContext(Use(), {"mine": shown("CC0-1.0", words)}, ("mine",), ""))
        for words in ("CC0 1.0", "GPL 3.0")
    )
    assert agreeing != other


def test_what_a_text_settled_names_the_text() -> None:
    """Where a LICENSE gives what nobody claims, the conclusion rests on that file, and says so."""
    made = with_texts({"silent": text("Licensed under CC BY-NC 4.0.")}, Use(commercial=True))
    told = {one.source: one.detail for one in made.observe()}
    assert "concluded CC-BY-NC-4.0, by the text of LICENSE" in told["silent"]
    assert "by dataset" in told["free"]
    (flag,) = made.flag(items_of([{"source": "silent", "text": "x"}])).to_pylist()
    assert flag["detail"].startswith("nothing, with LICENSE → CC-BY-NC-4.0")
    found = conclude(NO_CLAIM, text("Licensed under CC BY 4.0."))
    assert (found.basis, found.files) == ("file", ("LICENSE",))
    agreed = conclude(CLAIMS["free"], text("Licensed under CC BY 4.0."))
    assert (agreed.basis, agreed.files) == ("dataset", ())


def test_a_text_that_cannot_be_told() -> None:
    """A LICENSE that names several licenses is for a person, and says so once."""
    assert codes_of({"free": text("Code: MIT license. Data: CC BY 4.0 license.")}, ["free"]) == [(0, "license.text-unclear")]


def test_a_database_without_word_on_its_contents() -> None:
    """ODbL covers the database; items of it are flagged because nothing says what they are under."""
    assert codes_of({"silent": text("## License\n\nODbL 1.0\n", "README.md")}, ["silent"], Use()) == [(0, "license.contents")]


def test_an_items_own_license_is_not_put_beside_its_releases_text() -> None:
    """Per-item licenses beat what stands in the release, and only claiming more than it is a conflict."""
    rows = items_of(
        [{"source": "silent", "text": "x", "license_raw": "CC0"}, {"source": "free", "text": "x", "license_raw": "CC0"}]
    )
    made = with_texts({"silent": text("Licensed under CC BY-NC 4.0."), "free": text("Licensed under CC BY-NC 4.0.")})
    assert [(flag["row"], flag["code"]) for flag in made.flag(rows).to_pylist()] == [
        (0, "license.conflict"),
        (1, "license.conflict"),
    ]


def test_what_is_observed() -> None:
    """Each source is told with what is concluded of it; licenses that do not go together, of those that keep something."""
    claims = {"a": LicenseClaim(("CC-BY-SA-4.0",), "spdx"), "b": LicenseClaim(("CC-BY-NC-SA-4.0",), "spdx"), "c": NO_CLAIM}
    releases = {name: Release(name, "http", "1", (), claim) for name, claim in claims.items()}
    made = License(LicenseGateSettings(), FilterContext(Use(redistribute=True), releases, tuple(releases), ""))
    found = [*made.observe(), *made.observe_kept(dict.fromkeys("abc", SILENT))]
    assert [(one.code, one.source, one.value) for one in found] == [
        ("license.concluded", "a", 1.0),
        ("license.concluded", "b", 1.0),
        ("license.concluded", "c", 0.0),
        ("license.combination", "", 1.0),
        ("license.combination", "", 2.0),
    ]
    assert "a" in found[-1].detail
    assert "b" in found[-1].detail
    assert list(made.observe_kept({"a": SILENT})) == []
    assert list(made.observe_kept({"b": SILENT})) == []


def test_licenses_that_meet_are_those_of_the_kept_items() -> None:
    """Items' own words are compared, not the release's that none of them falls back to; every license of a source counts."""
    claims = {"a": NO_CLAIM, "b": LicenseClaim(("CC-BY-4.0",), "spdx")}
    releases = {name: Release(name, "http", "1", (), claim) for name, claim in claims.items()}
    made = License(LicenseGateSettings(), FilterContext(Use(redistribute=True), releases, tuple(releases), ""))
    own = {"a": [("CC BY-SA 4.0", ""), ("", "https://creativecommons.org/licenses/by-nc-sa/4.0/")], "b": SILENT}
    told = [one.detail for one in made.observe_kept(own)]
    assert len(told) == 1
    assert "CC-BY-SA-4.0 (a)" in told[0]
    assert "CC-BY-NC-SA-4.0 (a)" in told[0]
    assert "NOASSERTION" in next(one.detail for one in made.observe_kept({"a": SILENT, "b": SILENT}))


def test_texts_of_a_release_are_collected(tmp_path: Path) -> None:
    """LICENSE, COPYING, NOTICE and README texts near the root are taken, not data of like names, deep or huge ones."""
    names = [
        "LICENSE",
        "data/README.md",
        "COPYING.txt",
        "Licence-MIT",
        "README.2020.md",
        "LICENSES.csv",
        "a/b/LICENSE",
        "readme.zip",
        "READMEs/x.md",
    ]
    files = []
    for name in [*names, "NOTICE"]:
        file = tmp_path / name.replace("/", "-")
        file.write_text("MIT" if name != "NOTICE" else "x" * 300_000, encoding="utf-8")
        files.append(Held(name, str(file), "0" * 64, file.stat().st_size, ""))
    assert [one.url for one in license_texts(files)] == [
        "COPYING.txt",
        "LICENSE",
        "Licence-MIT",
        "README.2020.md",
        "data/README.md",
    ]


def test_a_changed_text_runs_the_filter_again() -> None:
    """Texts belong to what the answers depend on, and when they were fetched does not."""

    def digest(texts: tuple[Evidence, ...]) -> str:
        return rights_digests("license", FilterContext(Use(), RELEASES, (), "", texts={"free": texts}))["free"]

    one = Evidence("LICENSE", "x", "LICENSE", "a" * 64, "2026-01-01")
    assert digest(()) != digest((one,))
    assert digest((one,)) == digest((replace(one, at="2026-02-02"),))
    assert digest((one,)) != digest((replace(one, sha256="b" * 64),))


def test_every_code_is_declared() -> None:
    """The filter writes declared codes only, and says what it does not check."""
    rows = [(name, raw, None) for name in CLAIMS for raw in (None, "CC0", "CC BY-NC-ND 4.0", "gpl", "nonsense", "ODbL 1.0")]
    written = {code for _, code, _ in flags(rows)}
    assert written == {"license.denied", "license.unknown", "license.review", "license.conflict", "license.contents"}
    assert written < set(License.codes)
    context = FilterContext(Use(), {}, (), "")
    assert License(LicenseGateSettings(), context).not_checked()


def test_the_plan_uses_the_same_codes() -> None:
    """What a release earns before download is what its silent items get after it."""
    assert [code for code, _ in release_codes(RELEASES["nc"], Use(commercial=True))] == ["license.denied"]
    assert release_codes(RELEASES["nc"], Use()) == ()
    assert [code for code, _ in release_codes(RELEASES["silent"], Use())] == ["license.unknown"]
