"""Names of files: harmless, given once, the same for the same items."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.curate.classes import RESERVED
from acquisition.curate.naming import PathNames
from acquisition.errors import UsageError
from acquisition.protocols import NO_OUTLINE, Placed
from acquisition.settings import is_device

TEXTS = st.text(max_size=300)


def placed(name: str, item: str = "0" * 32, label: str = "a", source: str = "s") -> Placed:
    """Return a kept item as far as its path is concerned."""
    row: dict[str, Any] = {"id": item, "name": name, "source": source, "label": label}
    return Placed(row, label, "train", classes=(label,))


def folded(path: str) -> str:
    """Return a path as a file system compares it that ignores case and composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12),
    st.sampled_from(["{class}/{name}", "{name}{name}{class}", "x {name}/{id}"]),
)
def test_names_are_harmless_and_given_once(found: list[tuple[str, str]], template: str) -> None:
    """Whatever labels and names say: a path stays below its folder, is short enough, no device, and nobody else's."""
    names = PathNames(template, NO_OUTLINE)
    paths = [names.free(placed(name, f"{number:032x}", label), "wav") for number, (name, label) in enumerate(found)]
    assert len({folded(path) for path in paths}) == len(paths)
    for path in paths:
        parts = path.split("/")
        assert len(parts) == template.count("/") + 1
        assert not any(part in {"", ".", ".."} or is_device(part) or part.endswith((".", " ")) for part in parts)
        assert all(len(part.encode("utf-8", "replace")) < 255 for part in parts)
        assert not any(set('\\:*?"<>|') & set(part) or min(map(ord, part)) < 32 for part in parts)


def test_a_taken_name_gets_the_id() -> None:
    """First eight digits of the id, then all of it; the same id twice is refused."""
    names = PathNames("{name}", NO_OUTLINE)
    items = ["a" * 32, "b" * 32, "b" * 8 + "c" * 24]
    assert [names.free(placed("x", item), "txt") for item in items] == ["x.txt", f"x-{'b' * 8}.txt", f"x-{items[2]}.txt"]
    names.free(placed("x", items[1]), "txt")
    with pytest.raises(UsageError, match="two items have the id"):
        names.free(placed("x", items[1]), "txt")


def test_many_names_are_remembered() -> None:
    """The table of names grows with what is put into it, and forgets none."""
    names = PathNames("{name}", NO_OUTLINE)
    for number in range(500):
        assert names.free(placed(f"n{number}"), "txt") == f"n{number}.txt"
    assert names.free(placed("N7"), "txt") == "N7-00000000.txt"


def test_an_ending_is_put_where_it_is_missing() -> None:
    """{ext} at the end is the ending itself; anywhere else it is a word like others."""
    assert PathNames("{name}.{ext}", NO_OUTLINE).plain(placed("x"), "wav") == "x.wav"
    assert PathNames("{ext}/{name}", NO_OUTLINE).plain(placed("x"), "wav") == "wav/x.wav"
    assert all(PathNames("{name}", NO_OUTLINE).free(placed(name.rsplit(".", 1)[0]), "jsonl") != name for name in RESERVED)
