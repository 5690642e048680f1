"""adult: wording in many languages, lists by path, addresses; what only touches on the subject is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.errors import FilterUnavailable
from acquisition.filters.adult import Adult, AdultSettings
from acquisition.filters.adult.addresses import Addresses, host_of, own_cue
from acquisition.filters.adult.cues import cues
from acquisition.filters.adult.terms import Terms
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import check_filter, items_of


def context(base: Path) -> FilterContext:
    """Return a context whose lists lie in a folder."""
    return FilterContext(Use(), {}, ("source",), "", base=str(base))


def codes(rows: Sequence[Mapping[str, Any] | str], folder: Path, **settings: object) -> list[tuple[int, str]]:
    """Return row and code of every flag."""
    flags = check_filter(
        Adult,
        items_of(rows),
        folder,
        settings=AdultSettings.model_validate(settings),
        context=context(folder),
    )
    return [(flag["row"], flag["code"]) for flag in flags.to_pylist()]


def test_one_word_is_never_enough(tmp_path: Path) -> None:
    """A word of adult sites in a plain text says nothing, several of them beside each other do."""
    assert codes(["The word porn is derived from a Greek one."], tmp_path) == []
    assert codes(["Free porn videos with hot milfs, uncensored xxx clips."], tmp_path) == [(0, "adult.text")]


def test_context_weighs_against_the_cues(tmp_path: Path) -> None:
    """The same words in a report on a law are no adult text, and the detail of a hit counts the context."""
    report = "Lawmakers debated porn videos and xxx sites; the court heard researchers, and a study on therapy was published."
    assert codes([report], tmp_path) == []
    flags = check_filter(Adult, items_of(["Free porn videos, xxx movies, hot milfs, a study"]), tmp_path)
    assert orjson.loads(flags["detail"][0].as_py())["context"] == 1


def test_rare_hits_in_a_long_text_are_left_alone(tmp_path: Path) -> None:
    """Three cues among a thousand words are below one per hundred."""
    text = "free porn videos and hot milfs xxx " + "plain words about boats and weather " * 170
    assert codes([text], tmp_path) == []


def test_own_cues_can_be_switched_off(tmp_path: Path) -> None:
    """With own: false and no list nothing is flagged."""
    row = {"text": "Free porn videos with hot milfs, uncensored xxx clips.", "url": "https://free-porn-tube.example/"}
    assert codes([row], tmp_path, own=False) == []


def test_lists_match_whole_words_and_unspaced_scripts(tmp_path: Path) -> None:
    """A listed word is a note with its place; it is not found inside another word, and in Chinese it is found anywhere."""
    (tmp_path / "en").write_text("# a comment\nbilge water\ngrommet\n", encoding="utf-8")
    (tmp_path / "zh").write_text("坏词\n", encoding="utf-8")
    texts = ["BILGE\nwater everywhere", "grommets", "这里有坏词吗", "a grommet, a grommet"]
    flags = check_filter(
        Adult, items_of(texts), tmp_path, settings=AdultSettings(words=("en", "zh")), context=context(tmp_path)
    ).to_pylist()
    assert [(flag["row"], flag["code"], flag["start"], flag["end"]) for flag in flags] == [
        (0, "adult.word", 0, 11),
        (2, "adult.word", 3, 5),
        (3, "adult.word", 2, 9),
        (3, "adult.word", 13, 20),
    ]


def test_lists_flag_by_number_and_rate(tmp_path: Path) -> None:
    """Two different listed words at a tenth of the text flag it, in a long text not; toxic lists have their own codes."""
    (tmp_path / "list").write_text("grommet\nbilge\n", encoding="utf-8")
    short, long = "the grommet and the bilge are here", "grommet bilge " + "plain words " * 200
    said = codes([short, long], tmp_path, toxic=("list",), min_terms=2, rate=0.1)
    assert (0, "toxic.text") in said
    assert (1, "toxic.text") not in said
    assert {code for _, code in said} == {"toxic.text", "toxic.word"}


def test_folders_of_lists_are_read(tmp_path: Path) -> None:
    """A folder with one file per language is read whole, its license left out."""
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "de").write_text("grobzeug\n", encoding="utf-8")
    (folder / "LICENSE").write_text("grommet\n", encoding="utf-8")
    assert codes(["grobzeug", "grommet"], tmp_path, words=("lists",)) == [(0, "adult.word")]


@pytest.mark.parametrize("key", ["words", "toxic", "urls", "allow"])
def test_a_list_that_is_named_must_be_there(key: str, tmp_path: Path) -> None:
    """A missing or empty list ends the run and says where it was looked for."""
    with pytest.raises(FilterUnavailable, match="not there") as raised:
        Adult(AdultSettings.model_validate({key: ("none.txt",)}), context(tmp_path))
    assert "none.txt" in str(raised.value.where)
    (tmp_path / "empty.txt").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(FilterUnavailable, match="holds no"):
        Adult(AdultSettings.model_validate({key: ("empty.txt",)}), context(tmp_path))


def test_addresses_of_all_forms(tmp_path: Path) -> None:
    """Domains block subdomains, hosts files are read, an address blocks what lies below it, and allow beats them all."""
    (tmp_path / "urls").write_text(
        "! comment\n0.0.0.0 bad.example\n127.0.0.1 "
        "localhost\nworse.example\n||ads.example^\nhttps://mixed.example/adult/\nnot a host\n",
        encoding="utf-8",
    )
    (tmp_path / "allow").write_text("fine.worse.example\n", encoding="utf-8")
    urls = {
        "https://bad.example/x": True,
        "http://deep.sub.bad.example:8080/": True,
        "https://user@worse.example/?q": True,
        "https://fine.worse.example/": False,
        "https://ads.example/": True,
        "https://mixed.example/adult/page?x=1": True,
        "https://mixed.example/adulthood": False,
        "https://mixed.example/": False,
        "https://notbad.example/": False,
        "https://localhost/": False,
        "https://[broken": False,
        "": False,
    }
    rows = [{"text": "plain", "url": url} for url in urls]
    said = codes(rows, tmp_path, urls=("urls",), allow=("allow",), own=False)
    assert {row for row, _ in said} == {row for row, blocked in enumerate(urls.values()) if blocked}
    assert {code for _, code in said} == {"adult.url"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://www.free-porn-tube.example/", True),
        ("https://de.pornhub.com/view", True),
        ("https://anything.xxx/", True),
        ("https://hot-xxx-movies.example", True),
        ("https://www.essex.ac.uk/", False),
        ("https://sussex.example/", False),
        ("https://quitporn.example/", False),
        ("https://xxxlutz.example/", False),
        ("https://news.example/porn-law", False),
        ("https://popcornoven.example/", False),
    ],
)
def test_host_names_that_say_what_they_are(url: str, says: bool) -> None:
    """Only the host is read, and hosts of those who help against it are left alone."""
    assert bool(own_cue(url)) is says


def test_large_block_lists_are_small_in_memory(tmp_path: Path) -> None:
    """A hundred thousand domains take eight bytes each, and each of them is found again."""
    (tmp_path / "many").write_text("".join(f"host{number}.example\n" for number in range(100_000)), encoding="utf-8")
    made = Addresses.read(tmp_path / "many")
    assert made.digests.nbytes == 800_000
    assert made.match("https://www.host99999.example/a") == "host99999.example"
    assert made.match("https://host100000.example/") == ""


def test_pictures_without_a_model_are_not_checked(tmp_path: Path) -> None:
    """It is said that pictures were not checked, and the filter does not claim to have looked at them."""
    made = Adult(AdultSettings(), context(tmp_path))
    assert any(sentence.startswith("adult: pictures") for sentence in made.not_checked())
    assert not made.looks_at("image")
    assert not made.looks_at("audio")
    assert made.looks_at("text")
    assert not made.looks_for("adult.image")
    assert codes([{"text": None, "modality": "image", "size": 10, "blob": "0" * 64}], tmp_path) == []


def test_the_list_is_well_formed() -> None:
    """Every term has a weight from 0 to 3, and 22 languages and more have terms."""
    weights = cues().weights
    assert {weight for per in weights.values() for weight in per.values()} == {0, 1, 2, 3}
    assert len({language for per in weights.values() for language in per}) >= 22


def test_long_texts_are_read_in_part_and_that_is_said(tmp_path: Path) -> None:
    """Of nine million characters four are read; the flag says so, and what stands at the end is found."""
    text = "plain " * 1_500_000 + "free porn videos xxx milf " * 60_000
    assert (0, "adult.not-checked") in codes([text], tmp_path)


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
def test_the_gate_lets_every_hit_through(text: str, terms: list[str]) -> None:
    """Whatever the reader finds has passed the gate, and spans lie inside the text."""
    made = Terms.of(terms)
    hits, words = made.found(text)
    assert words >= 0
    if hits:
        assert made.candidates(pa.array([text], pa.large_string())) == [0]
    for hit in hits:
        assert 0 <= hit.start < hit.end <= len(text)


@given(st.text(max_size=80))
def test_no_address_breaks_the_reader(url: str) -> None:
    """Any text at all can stand where an address should."""
    assert isinstance(host_of(url), str)
    assert isinstance(own_cue(url), str)
