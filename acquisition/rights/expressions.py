"""SPDX license expressions: reading them strictly, and taking them apart.

`license-expression` (its list of 2,500 licenses with categories) is imported when the first expression is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeVar

NOASSERTION: Final = "NOASSERTION"
_OWN: Final = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_SPELLING: Final = re.compile(r"[A-Za-z0-9.+:() -]{1,500}")
_NO_VERSION: Final = re.compile(r"(?<![\w.-])GPL\+?(?![\w.-])", re.IGNORECASE)

T = TypeVar("T")


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _categories() -> Mapping[str, str]:
    from license_expression import get_license_index

    return {
        key: entry["category"]
        for entry in get_license_index()
        for key in (entry["spdx_license_key"], *entry["other_spdx_license_keys"])
        if key
    }


@lru_cache(maxsize=10_000)
def is_known(identifier: str) -> bool:
    """Say whether an identifier stands on the list of licenses (exact spelling)."""
    return identifier in _licensing().known_symbols


@lru_cache(maxsize=10_000)
def category(identifier: str) -> str:
    """Return the ScanCode category of an identifier ("Permissive", "Copyleft"…), "" when it is not on the list."""
    return _categories().get(identifier, "")


@lru_cache(maxsize=10_000)
def parse(text: str) -> str | None:
    """Return the normal form of an SPDX expression, None when it is none or names a license that is not on the list.

    `LicenseRef-…` of anybody's is accepted; free text is not. "GPL-2.0" becomes "GPL-2.0-only".
    """
    tree = _tree(text)
    return None if tree is None else str(tree)


@lru_cache(maxsize=10_000)
def _tree(text: str) -> Any:
    # A deprecated "+" is fine; anything beyond the grammar's own characters is prose, and a bare "GPL" has no version.
    if not _SPELLING.fullmatch(text) or text.count("(") > 20 or _NO_VERSION.search(text):
        return None
    from license_expression import ExpressionError, ExpressionParseError

    licensing = _licensing()
    try:
        tree = licensing.parse(text, validate=False, strict=True)
    except (ExpressionError, ExpressionParseError):
        return None
    if tree is None:
        return None
    symbols = licensing.license_symbols(tree)
    if not all(symbol.key in licensing.known_symbols or _OWN.fullmatch(symbol.key) for symbol in symbols):
        return None
    return tree


def identifiers(expression: str) -> tuple[str, ...]:
    """Return the single licenses of an expression, exceptions left attached ("GPL-2.0-only WITH …"), in written order."""
    found: list[str] = []

    def note(identifier: str) -> None:
        if identifier not in found:
            found.append(identifier)

    evaluate(expression, leaf=note, both=lambda _: None, either=lambda _: None)
    return tuple(found)


def evaluate(
    expression: str, *, leaf: Callable[[str], T], both: Callable[[Sequence[T]], T], either: Callable[[Sequence[T]], T]
) -> T:
    """Fold an expression: `leaf` for each license, `both` for the parts of AND, `either` for the branches of OR.

    An expression that cannot be read, NOASSERTION too, is one leaf.
    """
    tree = None if expression == NOASSERTION else _tree(expression)
    return leaf(expression) if tree is None else _folded(tree, leaf, both, either)


def _folded(node: Any, leaf: Callable[[str], T], both: Callable[[Sequence[T]], T], either: Callable[[Sequence[T]], T]) -> T:
    operator = getattr(node, "operator", "")
    if "AND" in operator or "OR" in operator:
        parts = [_folded(part, leaf, both, either) for part in node.args]
        return both(parts) if "AND" in operator else either(parts)
    return leaf(str(node))


def symbols_of(text: str) -> frozenset[str]:
    """Return the identifiers that stand in an expression, the text itself where it is none; () for NOASSERTION."""
    if text.strip() in {"", NOASSERTION, "NONE"}:
        return frozenset()
    tree = _tree(text)
    return (
        frozenset({text.strip()}) if tree is None else frozenset(str(symbol) for symbol in _licensing().license_symbols(tree))
    )


def same_expression(left: str, right: str) -> bool:
    """Say whether two expressions mean the same, whatever the order and the spelling of their parts."""
    trees = _tree(left), _tree(right)
    if None in trees:
        return left.strip().casefold() == right.strip().casefold()
    return bool(_licensing().is_equivalent(*trees))
