"""The YAML that is accepted, and what happens to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.declare import document
from acquisition.declare.document import Node, Place, Unreadable, read


def plain(text: str) -> object:
    """Read a text that has no faults."""
    node, faults = read(text.encode())
    assert not faults
    return node.plain()


def fault_of(data: str | bytes) -> document.Fault:
    """Return the fault that makes a text unreadable."""
    with pytest.raises(Unreadable) as caught:
        read(data.encode() if isinstance(data, str) else data)
    return caught.value.fault


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True), ("False", False), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("12", 12), ("-3", -3), ("012", 12), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"), ("12:30", "12:30"),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1.0.0", "1.0.0"), (".inf", ".inf"), (".nan", ".nan"), ("1e999", "1e999"),
        ("2026-11-21", "2026-11-21"), ("~", None), ("null", None), ("'true'", "true"), ('"12"', "12"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(written: str, meant: object) -> None:
    """Only true and false are booleans, only plain numbers are numbers, and quotes make a text."""
    value = plain(f"key: {written}")
    assert value == {"key": meant}
    assert isinstance(value, dict)
    assert type(value["key"]) is type(meant)


def test_keys_are_texts() -> None:
    """A key is what stands there, so labels such as 0, no and true can be renamed."""
    assert plain("{0: a, no: b, true: c, 1.50: d, null: e}") == {"0": "a", "no": "b", "true": "c", "1.50": "d", "null": "e"}


def test_anchors_and_merges() -> None:
    """`<<` adds what the mapping does not say itself; of several merged mappings the first wins."""
    text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nmade: {<<: [*base, *more], a: 9}\nsame: *base\n"
    value = plain(text)
    assert isinstance(value, dict)
    assert value["made"] == {"a": 9, "b": 2, "c": 4}
    assert value["same"] == {"a": 1, "b": 2}


def test_a_repeated_key_names_both_places() -> None:
    """The second key is the fault, and its message says where the first one stands."""
    node, faults = read(b"a: 1\nb: {c: 1,\n  c: 2}\n")
    assert [(fault.code, fault.place) for fault in faults] == [("duplicate-key", Place(3, 3))]
    assert "line 2, column 5" in faults[0].message
    assert node.plain() == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize("tagged", ["!!python/object/apply:os.system [id]", "!!str 1", "!own {a: 1}", "!!binary aGk="])
def test_tags_are_refused_and_never_constructed(tagged: str) -> None:
    """Every tag is a fault with its place, and the value stays plain data."""
    node, faults = read(f"a: {tagged}".encode())
    assert [(fault.code, fault.place) for fault in faults] == [("yaml-tag", Place(1, 4))]
    assert isinstance(node, Node)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("a: [1\nb: 2\n", Place(2, 2)), ("a: b: c", Place(1, 5)), ("a: 1\n\tb: 2", Place(2, 1)),
        (b"a: 1\nb: \xff", Place(2, 4)),
        ("a: 1\nb: '\x07'", Place(2, 5)), ("", Place(1, 1)), ("# nothing\n", Place(1, 1)), ("a: 1\n---\nb: 2\n", Place(2, 1)),
        ("a: *b", Place(1, 4)), ("a: &x [*x]", Place(1, 8)), ("? [a]\n: b", Place(1, 3)),
    ],
)  # fmt: skip
def test_what_is_no_yaml_has_a_place(data: str | bytes, place: Place) -> None:
    """A text that cannot be read is told with the place of its first fault."""
    fault = fault_of(data)
    assert (fault.code, fault.place) == ("yaml", place)


def test_alias_bombs_are_refused() -> None:
    """Aliases that expand to more values than the limit are refused without being expanded."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 30)]
    assert "more than 500,000 values" in fault_of("\n".join(lines)).message


def test_deep_nesting_is_refused() -> None:
    """Depth is limited, whether it is written or made of aliases."""
    assert "nested" in fault_of("[" * 100_000).message
    lines = ["a0: &a0 [[[[1]]]]"]
    lines += [f"a{level}: &a{level} [[*a{level - 1}]]" for level in range(1, 30)]
    assert "nested" in fault_of("\n".join(lines)).message


def test_large_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is not parsed at all."""
    monkeypatch.setattr(document, "MAX_BYTES", 10)
    assert fault_of("a: 1234567890").code == "yaml"


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="ab:{}[]-&*<!'\"#|>?% \n\t0", max_size=80).map(str.encode)))
def test_hostile_bytes_never_crash(data: bytes) -> None:
    """Whatever the bytes, there is a tree of plain values or one fault with a place."""
    places = []
    try:
        node, _ = read(data)
        places.append(node.place)
        node.plain()
    except Unreadable as error:
        places.append(error.fault.place)
    assert all(place.line >= 1 and place.column >= 1 for place in places)


def test_real_yaml_is_read(shared_data: Path) -> None:
    """The cards of real data sets that are YAML are read like any other text."""
    cards = shared_data / "huggingface" / "cards"
    read_whole = 0
    for card in sorted(cards.glob("*/README.md")):
        head = card.read_text("utf-8").split("\n---", 1)[0].removeprefix("---")
        try:
            node, _ = read(head.encode())
        except Unreadable:
            continue
        read_whole += node.kind == "mapping"
    assert read_whole > 60
