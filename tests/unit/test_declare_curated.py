"""What `curated:` accepts: every mistake is told with its line, its column and what to write instead."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition import declare
from acquisition.errors import DeclarationError, Problem
from acquisition.settings import CuratedSettings, HoldoutSettings, is_split_name, path_problem

SOURCES = "version: 1\nsources:\n  a: {kind: uci, id: 53}\n"


def problems(tmp_path: Path, curated: str) -> tuple[Problem, ...]:
    """Return what is told of a declaration whose set is to be so."""
    path = tmp_path / "sources.yaml"
    path.write_text(f"{SOURCES}curated: {curated}\n")
    with pytest.raises(DeclarationError) as caught:
        declare.load(path, environment={})
    return tuple(caught.value.problems)


@pytest.mark.parametrize(
    ("curated", "column", "told"),
    [
        (
            "{layout: folders, path: '{split}/{clas}/{name}'}",
            34,
            "there is no placeholder {clas}; there are: split, class, name",
        ),
        ("{layout: folders, path: '{split}/{class}'}", 34, "neither {name} nor {id}"),
        ("{layout: folders, path: '{split}/../{name}'}", 34, "stays inside"),
        ("{layout: folders, path: 'C:/{name}'}", 34, "':' cannot be in the name of a file"),
        ("{layout: folders, path: '$HOME/{name}'}", 34, "'$' cannot be in the name of a file"),
        ("{layout: folders, path: 'nul/{name}'}", 34, "Windows or the set itself"),
        ("{layout: folders, path: '{split} /{name}'}", 34, "Windows or the set itself"),
        ("{layout: folders, path: 'README.md/{name}'}", 34, "Windows or the set itself"),
        ("{layout: webdataset, path: '{class}/{name}'}", 37, "needs {id}"),
        ("{layout: folders, path: '{class}/{name}', splits: {train: 0.5, test: 0.5}}", 10, "begin with {split}/"),
        ("{layout: folders, path: '{class}/{name}', holdouts: {test: {}}}", 10, "begin with {split}/"),
        ("{layout: folders, path: '{class}/{split}/{name}', holdouts: {test: {}}}", 10, "begin with {split}/"),
        ("{splits: {train: 0.5, test: 0.5}, holdouts: {Test: {source: a}}}", 10, "differ in case alone"),
        ("{splits: {train: 0.5, all: 0.5}}", 19, "no word of their own such as all"),
        ("{splits: {train: 0.5, _test: 0.5}}", 19, "write test"),
        ("{balance: {min_per_class: 9, max_per_class: 3}}", 20, "no class could stay"),
        ("{splits: {train: 0.5, test: 0.6}}", 19, "add up to 1.1"),
        ("{splits: {train-a: 0.5, test: 0.5}}", 19, "write train_a"),
        ("{splits: {train: 0.5, Train: 0.5}}", 19, "differ in case alone"),
        ("{splits: {stratify_by: [class]}}", 19, "needs shares to keep"),
        ("{holdouts: {train: {source: a}}}", 21, "kept out of training"),
        ("{holdouts: {blind: {until: next year}}}", 37, "is no day; write one such as 2027-06-30"),
        ("{holdouts: {'a b': {}}}", 21, "write a_b"),
    ],
)
def test_mistakes_are_told_where_they_stand(tmp_path: Path, curated: str, column: int, told: str) -> None:
    """Each mistake has one problem, at its place in the file."""
    (problem,) = problems(tmp_path, curated)
    assert told in problem.message
    assert (problem.code, problem.line, problem.column) == ("wrong-value", 4, column)


def test_a_holdout_of_no_source_is_told(tmp_path: Path) -> None:
    """A hold-out whose source fits none that is declared would hold nothing out: told with its place, and the nearest."""
    (problem,) = problems(tmp_path, "{holdouts: {secret: {source: aa, until: 2027-01-01}, b: {source: 'a*'}}}")
    assert (problem.code, problem.line, problem.column) == ("unknown-source", 4, 39)
    assert problem.hint == "Did you mean `a`?"


def test_everything_together_is_accepted(tmp_path: Path) -> None:
    """A set with every setting; a day without quotes stays a day."""
    path = tmp_path / "sources.yaml"
    path.write_text(
        SOURCES
        + """
curated:
  layout: folders
  path: "{split}/{class}/{source}-{name}.{ext}"
  classes: {kick: [bd, kick], drum: [bd], quiet: [unlabelled]}
  balance: {min_per_class: 2, max_per_class: 50}
  splits: {train: 0.8, validation: 0.1, test: 0.1, group_by: [group, page], stratify_by: [class, source], seed: 7}
  holdouts:
    test: {until: 2027-06-30, why: the competition runs}
    blind: {source: "a*", where: {author: [x, 7, true]}, until: released}
    theirs: {published: hidden}
"""
    )
    curated = declare.load(path, environment={}).declaration.curated
    assert curated.holdouts["test"].is_closed(dt.date(2027, 6, 29))
    assert not curated.holdouts["test"].is_closed(dt.date(2027, 6, 30))
    assert curated.holdouts["blind"].is_closed(dt.date.max)
    assert not curated.holdouts["theirs"].is_closed(dt.date.min)
    assert [holdout.selects for holdout in curated.holdouts.values()] == [False, True, True]


def test_a_split_without_a_share_needs_no_folder() -> None:
    """One split is no several: a path without {split} is fine, because nothing can be mixed up."""
    assert CuratedSettings.model_validate({"layout": "folders", "path": "{name}", "splits": {"train": 1.0, "test": 0.0}}).path


@given(st.text(alphabet=st.sampled_from("{}/.~\\ abC:%*?\0name|idsplitNUL"), max_size=30))
def test_accepted_paths_are_harmless(path: str) -> None:
    """Whatever the template: what is accepted names no folder above, no absolute path, and nothing that Windows forbids."""
    if path_problem(path):
        return
    parts = path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not set(path) & set('\\:*?"<>|\0')
    assert all(part == part.strip(" .") for part in parts)


@given(st.text(max_size=40))
def test_names_of_splits_are_harmless(name: str) -> None:
    """What may be a split's name is a plain word that no file system and no reader takes for something else."""
    if is_split_name(name):
        assert name.isascii()
        assert not set(name) & set("/\\:- ")
        assert name[0] != "_"
        assert name.casefold() not in {"con", "nul", "readme.md", "metadata.jsonl"}


def test_an_embargo_without_a_day_is_none() -> None:
    """A hold-out that says nothing of until is written, as a split of its own."""
    assert not HoldoutSettings().is_closed(dt.date.min)
