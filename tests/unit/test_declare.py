"""sources.yaml is read whole, or refused with every problem at its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition import declare, plugins
from acquisition.errors import DeclarationError, PluginError, Problem

ROOT = Path(__file__).parents[2]
KEYS = [
    "version",
    "dataset",
    "contact",
    "filters",
    "policy",
    "curated",
    "manifest",
    "limits",
    "name",
    "use",
    "files",
    "include",
    "items",
    "label",
    "from",
    "as",
    "text",
    "read",
    "format",
    "license",
    "declared",
    "splits",
    "train",
    "layout",
    "path",
    "classes",
    "flag",
    "outcome",
    "source",
    "quality",
    "duplicates",
    "prefer",
    "bytes",
    "kind",
    "id",
    "base_url",
    "auth",
    "env",
    "token",
    "<<",
]
MINIMAL = "sources:\n  a: {kind: uci, id: 53}\n"


def load(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> declare.Declared:
    """Load a text as sources.yaml."""
    path = folder / "sources.yaml"
    path.write_text(text)
    return declare.load(path, environment=environment or {})


def problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[Problem]:
    """Return the problems of a text that is refused."""
    with pytest.raises(DeclarationError) as caught:
        load(folder, text, environment)
    return list(caught.value.problems)


def only(folder: Path, text: str) -> Problem:
    """Return the one problem of a text."""
    (problem,) = problems(folder, text)
    return problem


def test_the_shipped_declaration_is_accepted() -> None:
    """The repository's own file names four kinds of source and needs no variable."""
    declared = declare.load(ROOT / "sources.yaml", environment={})
    assert [source.settings.kind for source in declared.sources] == ["uci", "huggingface", "spider", "http"]
    assert declared.declaration.contact is not None
    assert all(source.settings.auth is None for source in declared.sources)


def test_the_reference_example_is_accepted() -> None:
    """The documented example is accepted exactly as it is, in its order and with its values."""
    example = ROOT.parent / "shared" / "reference" / "sources-example.yaml"
    if not example.is_file():
        pytest.skip("the reference is not beside the checkout")
    declared = declare.load(example, environment={})
    assert [source.name for source in declared.sources] == ["drum-kit", "sms-spam", "reviews", "voices", "packs", "loops"]
    assert declared.declaration.limits.bandwidth == 50_000_000
    assert declared.declaration.policy[4].at_least == 0.9
    assert declared.declaration.curated.splits.shares == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert declared.sources[1].settings.items.label == 0
    assert declared.sources[1].where == f"{example}:27:3"


def test_the_starter_is_accepted(tmp_path: Path) -> None:
    """What `acquire init` writes is valid as it stands, whatever the name."""
    assert load(tmp_path, declare.starter("My set: 1")).declaration.dataset.name == "My-set-1"
    assert load(tmp_path, declare.starter("2026")).declaration.dataset.name == "2026"
    assert load(tmp_path, declare.starter("…")).declaration.dataset.name == "dataset"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One run names every mistake of every part, in the order of the file, each with line and column."""
    text = """\
version: 2
dataset: {name: x, use: {comercial: true, training: yes}}
sources:
  a: {kind: kagle}
  b: {kind: huggingface, repo: o/n, revison: main, items: {as: row, label: [1]}}
  b: {kind: uci}
  c: {kind: uci, id: "53", limits: {bytes: lots}}
  d: {repo: x}
filters: {pi: {}, duplicates: {prefer: [a, zz]}}
policy: [{flag: x, outcome: drpo, source: nobody}]
curated: {layout: folder, path: "{splt}/x"}
manifest: [croisant]
extra: 1
"""
    found = [(problem.line, problem.column, problem.code) for problem in problems(tmp_path, text)]
    assert found == [
        (1, 10, "wrong-type"), (2, 26, "unknown-key"), (2, 53, "wrong-type"), (4, 13, "unknown-kind"), (5, 37, "unknown-key"),
        (5, 64, "wrong-value"), (5, 76, "wrong-type"), (6, 3, "duplicate-key"), (7, 22, "wrong-type"), (7, 44, "wrong-value"),
        (8, 3, "missing-key"), (9, 11, "unknown-filter"), (9, 44, "unknown-source"), (10, 29, "wrong-value"),
        (10, 43, "unknown-source"), (11, 19, "unknown-layout"), (11, 33, "wrong-value"), (12, 12, "unknown-exporter"),
        (13, 1, "unknown-key"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sources: {a: {kind: huggingface, repo: o/n, revison: x}}", "`revision`"),
        ("sources: {a: {kind: hugging_face, repo: o/n}}", "`huggingface`"),
        ("sources: {a: {kind: uci, id: 1, include: [x]}}", "`files.include`"),
        ("sources: {a: {kind: uci, id: 1, items: {as: page}}}", "`pages`"),
        ("sources: {a: {kind: uci, id: 1, items: {license: a, limits: {}}}}", "beside `items`"),
        ("sources: {a: {kind: uci, id: 1}}\nfilters: {duplicate: {}}", "`duplicates`"),
        ("sources: {a: {kind: uci, id: 1}}\ncurated: {layout: folder}", "`folders`"),
        ("sources: {a: {kind: uci, id: 1}}\ndataset: {name: x, use: {training: on}}", "Write true"),
        ("sources: {a: {kind: uci, id: 1, items: {label: {from: text, value: 3}}}}", '"3" in quotes'),
        ("sources: {a: {kind: uci, id: '1'}}", "without quotes"),
        ("sources: {a: {kind: uci, id: 1, read: {format: parket}}}", "`parquet`"),
        ("sources: {a: {kind: uci, id: 1, files: {include: x}}}", "[x]"),
        ("sources: {drums: {kind: uci, id: 1}}\nfilters: {duplicates: {prefer: [drumz]}}", "`drums`"),
    ],
)
def test_problems_say_what_was_probably_meant(tmp_path: Path, text: str, hint: str) -> None:
    """Each mistake has one problem, and its hint names the nearest thing that would have been accepted."""
    assert hint in only(tmp_path, text).hint


def test_messages_say_what_would_have_been_accepted(tmp_path: Path) -> None:
    """An unknown key lists the known ones, a wrong word the right ones, a wrong size its forms."""
    assert (
        "training, commercial, redistribute, derivatives" in only(tmp_path, MINIMAL + "dataset: {name: x, use: {x: 1}}").message
    )
    assert "drop, hold, redact, keep" in only(tmp_path, MINIMAL + "policy: [{flag: x, outcome: y}]").message
    assert "500MB" in only(tmp_path, MINIMAL + "limits: {bytes: 3 apples}").message


def test_wrong_types_are_not_converted(tmp_path: Path) -> None:
    """A number in quotes is no number, a number is no text, and true is no column; 1 is a fine 1.0."""
    assert only(tmp_path, "sources: {a: {kind: uci, id: '53'}}").code == "wrong-type"
    assert only(tmp_path, "sources: {a: {kind: uci, id: 53.5}}").code == "wrong-type"
    assert only(tmp_path, "sources: {a: {kind: uci, name: 53}}").code == "wrong-type"
    assert only(tmp_path, "sources: {a: {kind: uci, id: 53, items: {text: true}}}").code == "wrong-type"
    declared = load(tmp_path, MINIMAL + "policy: [{flag: a.b, outcome: keep, at_least: 1}]")
    assert declared.declaration.policy[0].at_least == 1.0


def test_filters_can_be_switched_off(tmp_path: Path) -> None:
    """`false` means not run; a filter with settings has them; true and other values are problems."""
    declared = load(tmp_path, MINIMAL + "filters: {quality: false, license: {}}")
    assert declared.declaration.filters["quality"] is False
    assert declared.declaration.filters["license"] is not False
    assert only(tmp_path, MINIMAL + "filters: {quality: true}").code == "wrong-type"
    assert only(tmp_path, MINIMAL + "filters: {license: {x: 1}}").code == "unknown-key"


def test_variables_are_expanded_where_it_is_said(tmp_path: Path) -> None:
    """`${NAME}` becomes the variable in base_url, stays in paths until they are opened, and must be set."""
    text = "sources:\n  a: {kind: uci, id: 1, base_url: 'http://${HOST}:80'}\n  b: {kind: local, path: '${PACKS}/x'}\n"
    declared = load(tmp_path, text, {"HOST": "127.0.0.1", "PACKS": "/packs"})
    assert declared.sources[0].settings.base_url == "http://127.0.0.1:80"
    assert declared.sources[1].settings.model_dump()["path"] == "${PACKS}/x"
    missing = problems(tmp_path, text, {})
    assert [(problem.code, problem.line) for problem in missing] == [("missing-variable", 2), ("missing-variable", 3)]


def test_variables_elsewhere_are_refused(tmp_path: Path) -> None:
    """A `${` where nothing is expanded is a problem, because it would be taken literally."""
    problem = only(tmp_path, "sources: {a: {kind: uci, id: 1, why: 'for ${WHOM}'}}")
    assert problem.code == "variable-not-allowed"
    assert "auth" in problem.hint


@pytest.mark.parametrize(
    "options",
    [
        "token: abc", "api_key: abc", "password: abc", "kaggle-token: abc", "auth: {token: abc}", "client_secret: x",
        "base_url: 'https://me:pass@example.org'", f"auth: {{env: hf_{'a1' * 17}}}", "read: {password: x}",
    ],
)  # fmt: skip
def test_secrets_in_the_file_are_refused(tmp_path: Path, options: str) -> None:
    """A credential in the file is a problem whose hint shows how to name a variable instead, and is not repeated in it."""
    found = problems(tmp_path, f"sources: {{a: {{kind: uci, id: 1, {options}}}}}")
    secret = next(problem for problem in found if problem.code == "secret-in-file")
    assert "auth: {env:" in secret.hint
    assert "abc" not in secret.message
    assert "me:pass" not in secret.message


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("postgresql://crawler:abc@db/x", False),
        ("postgresql://crawler@db/x?password=abc", False),
        ("postgresql://db/x?user=crawler&ssl%70assword=abc", False),
        ("postgresql://crawler:${PW}abc@db/x", False),
        ("postgresql://crawler:${PW}@db/x", True),
        ("postgresql://crawler@db/x?sslmode=require&password=${PW}", True),
        ("postgresql://crawler@db/x?passfile=/run/pgpass", True),
    ],
)
def test_a_frontiers_password_stays_out_of_the_file(tmp_path: Path, address: str, *, fine: bool) -> None:
    """Before the host or in the query: written out it is refused, as a variable it is the documented way."""
    text = f"sources: {{a: {{kind: spider, start: ['https://example.org/'], frontier: '{address}'}}}}"
    if fine:
        load(tmp_path, text, {"PW": "abc"})
    else:
        assert "secret-in-file" in {problem.code for problem in problems(tmp_path, text, {"PW": "abc"})}


def test_words_of_the_users_own_are_no_secrets(tmp_path: Path) -> None:
    """A label that is called like a secret may be renamed."""
    load(tmp_path, "sources: {a: {kind: uci, id: 1, items: {label: {column: x, rename: {token: word, password: phrase}}}}}")


@pytest.mark.parametrize("path", ["/abs/{name}", "../{name}", "{class}/../../{name}", "{nme}", "{name", "~/{name}", "{}"])
def test_the_curated_path_stays_inside(tmp_path: Path, path: str) -> None:
    """Placeholders must be known and the path must be relative and inside the set."""
    found = problems(tmp_path, MINIMAL + f"curated: {{layout: folders, path: '{path}'}}")
    assert {problem.code for problem in found} == {"wrong-value"}


@pytest.mark.parametrize("name", ["a b", "../x", "", ".hidden", "x" * 101, "a/b"])
def test_names_of_sources_are_folder_names(tmp_path: Path, name: str) -> None:
    """A source's name becomes a folder's name, so it has no slashes, spaces or leading dots."""
    assert only(tmp_path, f"sources: {{'{name}': {{kind: uci, id: 1}}}}").code == "wrong-value"


@pytest.mark.parametrize(
    ("text", "code"),
    [("sources: {}", "wrong-value"), ("version: 1", "missing-key"), ("[1]", "wrong-type"), ("sources: [1]", "wrong-type"),
     ("sources: {a: uci}", "wrong-type"), ("sources: {a: }", "wrong-type"), ("just words", "wrong-type")],
)  # fmt: skip
def test_a_declaration_needs_sources(tmp_path: Path, text: str, code: str) -> None:
    """Without at least one source that is a mapping there is nothing to do."""
    assert only(tmp_path, text).code == code


def test_a_missing_file_points_at_init(tmp_path: Path) -> None:
    """Where there is no file, the hint says how to write a first one."""
    with pytest.raises(DeclarationError) as caught:
        declare.load(tmp_path / "sources.yaml")
    assert "acquire init" in caught.value.hint
    with pytest.raises(DeclarationError):
        declare.load(tmp_path)


def test_malformed_yaml_has_its_place(tmp_path: Path) -> None:
    """What is no YAML is one problem with line and column."""
    problem = only(tmp_path, "sources:\n  a: {kind: uci\n  b: {}\n")
    assert (problem.code, problem.line) == ("yaml", 3)
    assert problem.where == f"{tmp_path / 'sources.yaml'}:3:{problem.column}"


def test_a_broken_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind whose plug-in cannot be imported is a problem at its `kind`, and the rest of the file is still judged."""
    real = plugins.load

    def load_or_fail(group: str, name: str) -> object:
        if name == "uci":
            raise PluginError("plug-in 'uci' cannot be imported")
        return real(group, name)

    monkeypatch.setattr(plugins, "load", load_or_fail)
    found = problems(tmp_path, "sources:\n  a: {kind: uci, id: 1}\n  b: {kind: http, ulr: x}\n")
    assert [(problem.code, problem.line) for problem in found] == [("plugin", 2), ("unknown-key", 3)]


def test_the_digest_names_what_is_declared(tmp_path: Path) -> None:
    """Layout, comments and anchors change nothing; a value does, and so does the order of the sources."""
    first = load(tmp_path, "sources:\n  a: {kind: uci, id: 1, why: x}\n  b: {kind: uci, id: 2}\n").digest
    same = load(tmp_path, "# c\nsources:\n  a:\n    why: 'x'\n    id: 1\n    kind: uci\n  b: {kind: uci, id: 2}\n").digest
    swapped = load(tmp_path, "sources:\n  b: {kind: uci, id: 2}\n  a: {kind: uci, id: 1, why: x}\n").digest
    other = load(tmp_path, "sources:\n  a: {kind: uci, id: 1, why: y}\n  b: {kind: uci, id: 2}\n").digest
    assert first == same
    assert len({first, swapped, other}) == 3


def test_places_can_be_asked_for(tmp_path: Path) -> None:
    """A location gives file:line:column of its key, and what does not exist gives its nearest parent."""
    declared = load(tmp_path, "sources:\n  a:\n    kind: uci\n    id: 1\n")
    assert declared.place_of(("sources", "a", "id")) == f"{declared.path}:4:5"
    assert declared.place_of(("sources", "a", "files", "include")) == f"{declared.path}:2:3"


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(["x", "", "1", "${X}", "uci", "*"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_tree_is_accepted_or_refused_with_places(tmp_path: Path, top: dict[str, object], source: dict[str, object]) -> None:
    """Whatever stands under the known keys, the outcome is a declaration or problems that have a place inside the file."""
    text = json.dumps({**top, "sources": {"a": {"kind": "uci", "id": 1, **source}}}, indent=1)
    told: tuple[Problem, ...] = ()
    accepted = False
    try:
        load(tmp_path, text)
        accepted = True
    except DeclarationError as error:
        told = error.problems
    assert accepted != bool(told)
    lines = text.count("\n") + 1
    assert all(1 <= problem.line <= lines and problem.column >= 1 and problem.message for problem in told)
