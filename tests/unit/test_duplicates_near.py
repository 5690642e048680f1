"""near copies against the truth: planted pairs, the measure itself, chains, boilerplate, small vocabularies, hostile texts."""

from __future__ import annotations

import json
import random
import string
import time
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.filters.duplicates import shingles
from acquisition.filters.duplicates.clusters import representatives, split_far
from acquisition.filters.duplicates.measuring import _of_three
from acquisition.filters.duplicates.samples import merged, pieces, sampled
from acquisition.filters.duplicates.shingles import Joined
from acquisition.sameness.texts import compact, letters, spaced_form
from tests.duplicate_runs import Flags, join, prepared, run, sign
from tests.fixtures import make_duplicates

ROOT = Path(__file__).parents[2]


def natural(count: int, seed: int, vocabulary: int = 3000) -> list[str]:
    """Return texts of about 150 words whose frequencies fall as they do in languages."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(vocabulary)]
    weights = [1 / (place + 3) for place in range(vocabulary)]
    return [" ".join(chance.choices(words, weights, k=chance.randint(40, 220))) for _ in range(count)]


def jaccard(one: set[object], two: set[object]) -> float:
    """Return the share of what both have."""
    return len(one & two) / len(one | two)


def truth(a: str, b: str) -> float:
    """Return the largest of the similarities that people use: words, word 5-grams, 5-character shingles."""
    words = [text.lower().split() for text in (a, b)]
    grams: list[set[object]] = [{tuple(each[at : at + 5]) for at in range(max(1, len(each) - 4))} for each in words]
    runs: list[set[object]] = [{text.lower()[at : at + 5] for at in range(max(1, len(text) - 4))} for text in (a, b)]
    return max(jaccard(set(words[0]), set(words[1])), jaccard(*grams), jaccard(*runs))


def changed(text: str, chance: random.Random) -> str:
    """Return the text with some words and letters changed, left out or added."""
    share = chance.uniform(0.005, 0.08)
    words: list[str] = []
    for word in text.split():
        what = chance.choice("rdit") if chance.random() < share else ""
        typo = chance.randrange(len(word))
        words += {"": [word], "r": ["quorn"], "d": [], "i": [word, "zeb"], "t": [word[:typo] + "x" + word[typo:]]}[what]
    return " ".join(words)


def clustered(flags: Flags) -> dict[int, str]:
    """Return the cluster of every row of the only source."""
    found = {flag["row"]: orjson.loads(flag["detail"]).get("cluster", "") for flag in flags.get("one", [])}
    return {row: cluster for row, cluster in found.items() if cluster}


def test_planted_copies_are_found_and_nothing_else(tmp_path: Path) -> None:
    """Of pairs with a true similarity of 0.8 or more 98 % share a cluster, and 99 % of all pairs in a cluster were planted."""
    chance = random.Random(3)
    originals = natural(700, 8)
    texts, family = list(originals), list(range(700))
    wanted = []
    for number in range(250):
        copy = changed(originals[number], chance)
        texts.append(copy)
        family.append(number)
        if truth(originals[number], copy) >= 0.8:
            wanted.append((number, len(texts) - 1))
    cluster = clustered(run({"one": texts}, tmp_path))
    hits = sum(cluster.get(a, a) == cluster.get(b, b) for a, b in wanted)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, name in cluster.items():
        groups[name].append(row)
    said = [family[a] == family[b] for rows in groups.values() for a, b in combinations(rows, 2)]
    assert len(wanted) > 200
    assert hits >= 0.98 * len(wanted)
    assert sum(said) >= 0.99 * len(said)


@given(st.text("abcde ", min_size=5, max_size=200), st.text("abcde ", min_size=5, max_size=200))
def test_short_texts_are_measured_exactly(a: str, b: str) -> None:
    """Hashes of characters, of words and of beginnings stand for the shingles themselves."""
    joined = [Joined.of([text.encode()]) for text in (a, b)]
    plain = [text.replace(" ", "") for text in (a, b)]
    for made, text in zip(joined, plain, strict=True):
        hashes, offsets = made.characters()
        assert len(set(hashes.tolist())) == len({text[at : at + 5] for at in range(len(text) - 4)})
        assert offsets.tolist() == [0, max(len(text) - 4, 0)]
    common = {plain[0][at : at + 5] for at in range(len(plain[0]) - 4)} & {
        plain[1][at : at + 5] for at in range(len(plain[1]) - 4)
    }
    assert len(set(joined[0].characters()[0].tolist()) & set(joined[1].characters()[0].tolist())) == len(common)
    vocabulary = [{word[:8] for word in text.split()} for text in (a, b)]
    assert [len(set(made.vocabulary()[0].tolist())) for made in joined] == [len(words) for words in vocabulary]


@given(st.lists(st.text("ab cd", max_size=30), min_size=1, max_size=6))
def test_texts_in_one_row_are_what_they_are_alone(texts: list[str]) -> None:
    """Joining texts mixes nothing: every text has the shingles, words and runs that it has by itself."""
    octets = [text.encode() for text in texts]
    for asked in (Joined.characters, Joined.vocabulary, Joined.beginnings):
        together, offsets = asked(Joined.of(octets))
        for at, text in enumerate(octets):
            assert together[offsets[at] : offsets[at + 1]].tolist() == asked(Joined.of([text]))[0].tolist()
    hashes, offsets = shingles.words(octets)
    for length in (1, 2, 3):
        runs, bounds = shingles.runs(hashes, offsets, length)
        for at, text in enumerate(octets):
            assert bounds[at + 1] - bounds[at] == max(0, len(text.split()) - length + 1)
        assert len(set(runs.tolist())) == len(
            {tuple(w[i : i + length]) for w in map(str.split, texts) for i in range(len(w) - length + 1)}
        )


def test_samples_estimate_without_bias() -> None:
    """The mean over many pairs of texts of 4,000 letters lies within a hundredth of the exact similarity."""
    chance = random.Random(2)
    errors = []
    for _ in range(40):
        text = "".join(chance.choices(string.ascii_lowercase, k=4000))
        at = chance.randrange(200, 1500)
        other = text[:at] + "".join(chance.choices(string.ascii_lowercase, k=at)) + text[2 * at :]
        both = [Joined.of([side.encode()]).characters() for side in (text, other)]
        exact = jaccard(*({*hashes.tolist()} for hashes, _ in both))
        samples = [sampled(*each, 192) for each in both]
        limit = min(int(sample.limits[0]) for sample in samples)
        kept = [{*sample.hashes[sample.hashes <= limit].tolist()} for sample in samples]
        errors.append(jaccard(*kept) - exact)
    assert abs(float(np.mean(errors))) < 0.01
    assert float(np.std(errors)) < 0.05


def test_a_long_text_in_pieces_is_one_text() -> None:
    """The sample of a text of three million letters is the one that the whole text has."""
    chance = random.Random(4)
    words = ["".join(chance.choices(string.ascii_lowercase, k=6)) for _ in range(5000)]
    text = " ".join(chance.choices(words, k=420_000)).encode()
    parts = [sampled(*Joined.of([piece]).characters(), 192) for piece, _ in pieces(text)]
    assert b"".join(fresh for _, fresh in pieces(text)) == text
    pieced, whole = merged(parts, 192), sampled(*Joined.of([text]).characters(), 192)
    limit = min(int(pieced.limits[0]), int(whole.limits[0]))
    assert len(parts) == 3
    assert pieced.hashes[pieced.hashes <= limit].tolist() == whole.hashes[whole.hashes <= limit].tolist()
    assert len(pieced.hashes) > 96


def test_a_small_vocabulary_makes_no_copies(tmp_path: Path) -> None:
    """Texts of sixty words in any order share most runs of five characters, and are not copies."""
    chance = random.Random(6)
    words = [
        a + b + c for a in ("ta", "ki", "so", "men", "lor") for b in ("ri", "va", "no", "ster") for c in ("n", "sh", "dle")
    ]
    assert run({"one": [" ".join(chance.choices(words, k=200)) for _ in range(60)]}, tmp_path) == {}


def test_boilerplate_makes_no_copies(tmp_path: Path) -> None:
    """Pages that share a frame as long as what is in it are not copies; a real copy among thousands of them is found."""
    frame = natural(1, 20)[0].split()[:60]
    insides = [" ".join(text.split()[:60]) for text in natural(1500, 21) if len(text.split()) >= 60]
    pages = [" ".join(frame) + " " + inside for inside in insides]
    pages.append(pages[700].replace("e", "e", 1) + " end")
    assert set(clustered(run({"one": pages}, tmp_path))) == {700, len(pages) - 1}


def test_a_chain_of_changes_is_cut(tmp_path: Path) -> None:
    """Neighbours in a chain are alike, its ends are not: nobody shares a cluster with a text that is less than half alike."""
    chance = random.Random(12)
    words = natural(1, 30)[0].split()[:100] * 1
    chain = [" ".join(words)]
    for step in range(24):
        for place in range(4 * step, 4 * step + 4):
            words[place] = "".join(chance.choices(string.ascii_lowercase, k=6))
        chain.append(" ".join(words))
    cluster = clustered(run({"one": chain}, tmp_path))
    kept: dict[str, list[int]] = defaultdict(list)
    for row, name in cluster.items():
        kept[name].append(row)
    assert len(cluster) > 20
    assert len(kept) > 2
    assert all(max(rows) - min(rows) <= 22 for rows in kept.values())


def test_split_far_keeps_what_is_near() -> None:
    """Members that are far from the kept one form clusters among themselves, by the links between them."""
    links = np.arange(5), np.arange(1, 6)
    preference = np.arange(6)
    cut = split_far(np.zeros(6, np.int64), links, preference, lambda members, kept: members - kept > 2)
    assert representatives(cut, preference).tolist() == [0, 0, 0, 3, 3, 3]


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [
        ("How do I change my delivery address?", "how do i change my delivery adress", False),
        ("How do I change the delivery address of an order?", "how do i change the delivery address of an order now", True),
        ("Turn on the light in the kitchen", "Turn off the light in the kitchen", False),
        ("Best soup I have ever had!", "Worst soup I have ever had!", False),
        ("请在星期三之前把书还给北岸的图书馆，谢谢您的合作。", "请在星期三之前把书还给北岸的图书馆，谢谢您的合作！再见", True),
    ],
)
def test_short_texts_are_held_to_more(tmp_path: Path, a: str, b: str, near: bool) -> None:
    """Under fifty letters a copy shares four fifths of its runs of five characters: one word says much."""
    assert ("one" in run({"one": [a, b]}, tmp_path)) is near


@pytest.mark.parametrize("share", [0.005, 0.01, 0.02, 0.035])
def test_three_characters_follow_from_five_and_eight(share: float) -> None:
    """Where letters are changed here and there, the similarity of runs of three is what both others let expect."""
    alike = {length: (1 - share) ** length / (2 - (1 - share) ** length) for length in (3, 5, 8)}
    assert float(_of_three(np.array([alike[5]]), np.array([alike[8]]))[0]) == pytest.approx(alike[3], abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 3_000_000,
        "é" * 1_500_000,
        "\u202e\u0301" * 300_000,
        "ab " * 700_000,
        "\U0001f469\u200d\U0001f680" * 100_000,
        "http://" * 200_000,
        "@" * 500_000,
        "\x00" * 1000 + "x" * 100,
    ],
    ids=lambda text: f"{len(text)} of {text[:3]!r}",
)
def test_hostile_texts_take_bounded_time(tmp_path: Path, text: str) -> None:
    """Millions of one letter, of marks, of spaces, of beginnings of links: seconds, and the copy is found."""
    begun = time.process_time()
    flags = run({"one": [text, text, "plain words"]}, tmp_path)
    assert time.process_time() - begun < 20
    assert sorted(flag["code"] for flag in flags["one"]) == ["duplicate.exact", "duplicate.representative"]


@given(st.text(max_size=300))
def test_any_text_has_a_form(text: str) -> None:
    """Whatever characters come, the letters of the spaced form are those of the normal form, one octet each."""
    spaced = spaced_form(text.encode("utf-8", "replace"))
    assert compact(letters(spaced)) == letters(compact(spaced))
    assert len(letters(compact(spaced))) == len(compact(spaced).decode())


def test_adding_a_source_gives_what_all_at_once_give(tmp_path: Path) -> None:
    """Signatures of old sources are used as they are, and the flags are those of a fresh start."""
    texts = natural(60, 40)
    chance = random.Random(1)
    shards = {
        "one": texts[:30],
        "two": [*texts[30:], changed(texts[3], chance)],
        "three": [texts[5].upper(), changed(texts[40], chance)],
    }
    made = prepared(tuple(shards))
    old = sign(made, {name: shards[name] for name in ("one", "two")}, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in old.values()}
    first = join(made, old, tmp_path)
    grown = join(made, {**old, **sign(made, {"three": shards["three"]}, tmp_path)}, tmp_path)
    (tmp_path / "fresh").mkdir()
    assert {path: path.stat().st_mtime_ns for path in old.values()} == before
    assert grown == run(shards, tmp_path / "fresh")
    assert len(first.get("two", [])) < len(grown["two"]) + len(grown["three"])


def test_the_labelled_file_is_what_its_script_makes() -> None:
    """tests/fixtures/duplicates.jsonl can be made again, and holds copies and near misses."""
    lines = make_duplicates.make()
    assert [json.loads(line) for line in make_duplicates.FILE.read_text(encoding="utf-8").splitlines()] == lines
    assert 100 <= len(lines) <= 500


def test_the_labelled_file_is_judged_rightly(tmp_path: Path) -> None:
    """Every pair of a cluster is found, and none between clusters."""
    lines = make_duplicates.make()
    cluster = clustered(run({"one": [{"text": line["text"], "label": line.get("label")} for line in lines]}, tmp_path))
    wanted = {(a, b) for a, b in combinations(range(len(lines)), 2) if lines[a]["cluster"] == lines[b]["cluster"]}
    said = {(a, b) for a, b in combinations(sorted(cluster), 2) if cluster[a] == cluster[b]}
    assert len(wanted & said) >= 0.98 * len(wanted)
    assert len(wanted & said) >= 0.99 * len(said)
