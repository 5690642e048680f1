"""The only place that writes: data to stdout, talk and errors to stderr, JSON when asked. Readable without colour."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from acquisition.errors import AcquisitionError, DeclarationError, Problem

SCHEMA_VERSION: Final = 1
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\[(?:1;31|0)m)")
"""What a terminal obeys rather than shows, but for our own two colours: words of servers and pages stand in what we print."""


def emit(text: str) -> None:
    """Write a result for people to stdout."""
    print(_CONTROLS.sub("\ufffd", text.rstrip("\n")), flush=True)


def emit_json(kind: str, value: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout: `schema_version`, `kind`, and the value's own keys."""
    print(
        json.dumps({"schema_version": SCHEMA_VERSION, "kind": kind, **value}, indent=1, ensure_ascii=False, default=str),
        flush=True,
    )


def talk(text: str) -> None:
    """Write a remark to stderr."""
    print(_CONTROLS.sub("\ufffd", text), file=sys.stderr, flush=True)


def colour(stream: Any = None) -> bool:
    """Say whether colour is wanted: a terminal, and NO_COLOR unset (no-color.org)."""
    return bool((stream or sys.stderr).isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show_error(error: AcquisitionError, *, as_json: bool) -> None:
    """Show an error once: code, message, place, and what to do next; a declaration's problems all together."""
    if as_json:
        emit_json("error", {"error": error_value(error), "exit_code": error.exit_code})
        return
    if isinstance(error, DeclarationError) and error.problems:
        talk("\n\n".join(problem_text(problem) for problem in error.problems))
        count = len(error.problems)
        talk(f"\n{count} problem{'s' * (count > 1)} found; nothing was done.")
        return
    talk(error_text(error))


def show_defect(error: Exception, *, as_json: bool) -> None:
    """Show an error that is our own mistake."""
    text = f"{type(error).__name__}: {error}"
    if as_json:
        emit_json("error", {"error": {"code": "defect", "message": text}, "exit_code": 3})
        return
    hint = "This is a mistake of the program. Run again with --debug and report what it prints."
    talk(f"{_head('error', 'defect')}: {text}\n\nhint: {hint}")


def error_value(error: AcquisitionError) -> dict[str, Any]:
    """Return an error as plain values."""
    value: dict[str, Any] = {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}
    if isinstance(error, DeclarationError):
        value["problems"] = [
            {
                "code": problem.code,
                "message": problem.message,
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "hint": problem.hint,
            }
            for problem in error.problems
        ]
    return value


def error_text(error: AcquisitionError, source: str = "") -> str:
    """Return an error as its lines; `source` names the declared source that it happened to, with its place."""
    lines = [f"{_head('error', error.code)}: {error.message}"]
    where = ", ".join(dict.fromkeys(part for part in (error.where, source) if part))
    if where:
        lines.append(f"  where: {where}")
    if error.hint:
        lines += ["", f"hint: {error.hint}"]
    return "\n".join(lines)


def problem_text(problem: Problem) -> str:
    """Return one problem of a declaration as its lines."""
    lines = [f"{_head('error', problem.code)}: {problem.message}", f"  where: {problem.where}"]
    if problem.hint:
        lines.append(f"  hint: {problem.hint}")
    return "\n".join(lines)


def _head(word: str, code: str) -> str:
    head = f"{word}[{code}]"
    return f"\x1b[1;31m{head}\x1b[0m" if colour() else head


def table(rows: Iterable[Sequence[object]], header: Sequence[str], *, right: frozenset[int] = frozenset()) -> str:
    """Return rows as aligned columns under a header; `right` are the columns aligned to the right."""
    texts = [tuple(header), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(header))]
    lines = []
    for row in texts:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def size(count: int | None) -> str:
    """Return bytes as a short text in units of 1000 ("1.5 GB"), "?" when nobody knows."""
    if count is None:
        return "?"
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def duration(seconds: float) -> str:
    """Return seconds as a short text ("4 s", "3 min 20 s", "2 h 5 min")."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
