"""duplicates: three levels of sameness, one kept copy, clusters, conflicting labels."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.duplicates import Duplicates
from acquisition.filters.duplicates.clusters import capped_components, components
from acquisition.sameness.texts import _LINK, _by_standard, compact, letters, normal_form
from acquisition.testing.filters import check_filter, items_of
from tests.duplicate_runs import codes, run

VOCABULARY = [
    f"{a}{b}{c}" for a in ("ta", "ki", "so", "men", "lor") for b in ("ri", "va", "no", "ster") for c in ("n", "sh", "dle")
]


def essay(seed: int, words: int = 150) -> str:
    """Return a text of random words."""
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def edited(text: str, share: float, seed: int = 1) -> str:
    """Return the text with a share of its words replaced."""
    chance = random.Random(seed)
    return " ".join("zzz" + word[::-1] if chance.random() < share else word for word in text.split())


def test_the_contract_is_kept(tmp_path: Path) -> None:
    """Signatures, links and flags have their schemas, and nothing is flagged in a set without copies."""
    assert check_filter(Duplicates, items_of([essay(1), essay(2), "yes", ""]), tmp_path).num_rows == 0


def test_exact_copies_across_sources_and_modalities(tmp_path: Path) -> None:
    """Same bytes are a copy wherever they lie; the first declared source keeps its own, and the detail names it."""
    picture = {"modality": "image", "text": None, "size": 10, "content_sha256": "ab" * 32}
    flags = run({"one": ["yes", picture], "two": [picture, "no", "yes"]}, tmp_path)
    found = {name: [code for code in each if code[1] != "not-checked"] for name, each in codes(flags).items()}
    assert found == {"one": [(0, "representative"), (1, "representative")], "two": [(0, "exact"), (2, "exact")]}
    flags = {name: [flag for flag in each if "not-checked" not in flag["code"]] for name, each in flags.items()}
    kept = items_of(["yes", picture], source="one")["id"].to_pylist()
    detail = orjson.loads(flags["two"][0]["detail"])
    assert (detail["kept"], detail["kept_source"], detail["cluster"]) == (kept[1], "one", kept[1])
    assert orjson.loads(flags["one"][1]["detail"])["cluster"] == kept[1]


def test_nothing_is_no_copy_of_nothing(tmp_path: Path) -> None:
    """Empty items are the quality filter's business."""
    assert run({"one": ["", ""], "two": [""]}, tmp_path) == {}


def test_the_same_words_in_another_dress(tmp_path: Path) -> None:
    """Case, punctuation, links and compatibility forms do not make a new text; short ones score low."""
    rows = ["The quick brown fox, over the dog! http://example.org/a", "the QUICK brown fox over the dog", "Yes!", "yes"]
    flags = run({"one": rows}, tmp_path)
    assert codes(flags)["one"][0][1] in ("representative", "normalised")
    found = {flag["row"] // 2: flag["score"] for flag in flags["one"] if flag["code"] == "duplicate.normalised"}
    assert found == {0: 1.0, 1: 0.5}


def test_a_few_changed_words_are_a_near_copy(tmp_path: Path) -> None:
    """The score is close to the true Jaccard similarity of 5-character shingles; other texts are left alone."""
    original, copy = essay(1), edited(essay(1), 0.02)
    flags = run({"one": [original, essay(2)], "two": [essay(3), copy]}, tmp_path)
    assert codes(flags) == {"one": [(0, "representative")], "two": [(1, "near")]}
    sides = [normal_form(text.encode()) for text in (original, copy)]
    shingles = [{side[at : at + 5] for at in range(len(side) - 4)} for side in sides]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    assert abs(flags["two"][0]["score"] - true) < 0.08
    assert orjson.loads(flags["two"][0]["detail"])["direct"] is True


def test_near_copies_are_found_at_every_length(tmp_path: Path) -> None:
    """From a few dozen letters to more than a thousand shingles, every lightly changed copy is found."""
    lengths = [14, 30, 80, 200, 1000, 3000]
    texts = [essay(words, words) for words in lengths]
    flags = run({"one": texts, "two": [text + " ende" for text in texts]}, tmp_path)
    assert codes(flags)["two"] == [(row, "near") for row in range(len(lengths))]


def test_a_near_copy_loses_its_own_exact_copies(tmp_path: Path) -> None:
    """Flags are layered, so that a policy that keeps near copies still drops their exact ones."""
    copy = edited(essay(1), 0.03)
    flags = run({"one": [essay(1)], "two": [copy, copy]}, tmp_path)
    two = codes(flags)["two"]
    assert sorted(code for _, code in two) == ["exact", "near"]
    exact = next(flag for flag in flags["two"] if flag["code"] == "duplicate.exact")
    assert orjson.loads(exact["detail"])["kept_source"] == "two"
    clusters = {orjson.loads(flag["detail"])["cluster"] for found in flags.values() for flag in found}
    assert len(clusters) == 1


def test_the_better_license_is_kept(tmp_path: Path) -> None:
    """A public-domain copy beats an earlier declared non-commercial one; an item's own license counts as well."""
    licenses = {"one": "CC-BY-NC-4.0", "two": "CC0-1.0"}
    assert codes(run({"one": ["same words"], "two": ["same words"]}, tmp_path, licenses=licenses)) == {
        "one": [(0, "exact")],
        "two": [(0, "representative")],
    }
    own = {"text": "other words", "license_url": "https://creativecommons.org/publicdomain/zero/1.0/"}
    flags = run({"one": ["other words", own]}, tmp_path, licenses={"one": "CC-BY-NC-4.0"})
    assert codes(flags) == {"one": [(0, "exact"), (1, "representative")]}


def test_preferred_sources_come_before_the_declared_order(tmp_path: Path) -> None:
    """`prefer` moves a source to the front when licenses are equal."""
    flags = run({"one": ["same words"], "two": ["same words"]}, tmp_path, prefer=("two",))
    assert codes(flags) == {"one": [(0, "exact")], "two": [(0, "representative")]}


def test_conflicting_labels_are_told_on_every_copy(tmp_path: Path) -> None:
    """Same content under two labels is flagged on all copies; the same label in another case is not a conflict."""
    rows = [{"text": "same words", "label": label} for label in ("Spam", "ham")]
    agreed = [{"text": "other words", "label": label} for label in ("Spam", "spam ")]
    flags = run({"one": [*rows, *agreed]}, tmp_path)["one"]
    assert [flag["row"] for flag in flags if flag["code"] == "duplicate.label-conflict"] == [0, 1]
    conflicts = [flag for flag in flags if flag["code"] == "duplicate.label-conflict"]
    detail = orjson.loads(conflicts[0]["detail"])
    assert detail["items"] == sorted(flag["item"] for flag in conflicts)
    assert detail["distinct"] == 2


def test_labels_stay_out_of_details(tmp_path: Path) -> None:
    """A label may be personal data that the policy redacts; a flag's detail, which is passed on as it is, names none."""
    rows = [{"text": "same words", "label": label} for label in ("bob@example.org", "ham")]
    details = [flag["detail"] for flag in run({"one": rows}, tmp_path)["one"]]
    assert details
    assert not any("bob" in detail or "ham" in detail for detail in details)


def test_transcripts_are_not_the_sample(tmp_path: Path) -> None:
    """Two recordings of one sentence are two samples."""
    clips = [{"modality": "audio", "text": essay(1), "size": 9, "content_sha256": f"{number:064x}"} for number in (1, 2)]
    assert codes(run({"one": clips}, tmp_path)) == {"one": [(0, "not-checked"), (1, "not-checked")]}


def test_buckets_of_one_normal_form_are_no_buckets(tmp_path: Path) -> None:
    """Long texts that are equal but for their dress are linked by it alone."""
    rows = [text for seed in (1, 2) for text in (essay(seed), essay(seed).upper())]
    assert sorted(code for _, code in codes(run({"one": rows}, tmp_path))["one"]) == ["normalised"] * 2 + ["representative"] * 2


def test_ten_thousand_copies_do_not_explode(tmp_path: Path) -> None:
    """Many copies of one text cost linear time and have one representative."""
    texts = [essay(1, 20)] * 3000 + [essay(1, 20).upper()] * 3000
    found = [flag["code"] for flag in run({"one": texts}, tmp_path)["one"]]
    assert found.count("duplicate.representative") == 1
    assert found.count("duplicate.exact") == 5998


@settings(deadline=None)  # the first text makes the table
@given(st.text(max_size=80))
def test_all_ways_to_the_normal_form_agree(text: str) -> None:
    """The fast paths for ASCII and by table give what the standard's folding gives, and nothing but letters is left."""
    form = normal_form(text.encode("utf-8", "replace"))
    slow = _by_standard(_LINK.sub(" ", text.replace("\u2019", " "))).encode("utf-8", "replace")
    if "@" not in text and "www" not in text.lower():
        assert form == compact(slow)
    assert len(letters(form)) == len(form.decode())


@given(st.integers(2, 40), st.data())
def test_components_are_what_links_reach(size: int, data: st.DataObject) -> None:
    """Label propagation gives the clusters that union-find without a cap gives."""
    node = st.integers(0, size - 1)
    links = data.draw(st.lists(st.tuples(node, node), max_size=60))
    a, b = (np.array([link[side] for link in links], dtype=np.int64) for side in (0, 1))
    assert components(size, a, b).tolist() == capped_components(size, a, b, size).tolist()


def test_chains_of_near_links_are_capped() -> None:
    """A chain longer than the cap is cut."""
    nodes = np.arange(9)
    clusters = capped_components(10, nodes, nodes + 1, 4)
    assert np.bincount(np.unique(clusters, return_inverse=True)[1]).max() == 4
