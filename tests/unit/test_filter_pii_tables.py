"""pii in tables: columns are typed once, numbers are left alone, names of columns are context, and width is bounded."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.pii.columns import type_columns
from acquisition.filters.pii.finder import Finder
from acquisition.filters.pii.rules import build
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of

CONTEXT = FilterContext(Use(), {}, ("source",), "")


@pytest.fixture(scope="module")
def finder() -> Finder:
    """The rules as they run when nothing is declared."""
    return Finder(build(("en",), ()))


def table(rows: Iterable[dict[str, Any]]) -> Any:
    """Return a shard whose items are the rows of one table."""
    made = [orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in rows]
    return items_of([{"modality": "table", "text": None, "fields": fields, "size": len(fields)} for fields in made])


def found(items: Any, **settings: Any) -> set[tuple[str, str]]:
    """Return (code, column) of all flags."""
    flags = Pii(PiiSettings(**settings), CONTEXT).flag(items).to_pylist()
    return {(flag["code"], orjson.loads(flag["detail"])["column"]) for flag in flags}


def test_a_plain_table_of_numbers_gives_no_flags() -> None:
    """Measurements, ids, times, places and amounts of 500 rows are nobody's, as numbers and as texts."""
    chance = random.Random(5)
    rows = (
        {
            "id": 1_000_000_000 + row * 7919,
            "order_no": str(chance.randrange(10**9, 10**10)),
            "at": str(1_700_000_000 + row),
            "lat": f"{chance.uniform(-90, 90):.6f}",
            "amount": f"{chance.randrange(1, 999)},{chance.randrange(100, 999)}",
            "serial": str(chance.randrange(10**15, 10**16)),
            "day": f"{chance.randrange(1, 29):02d}.{chance.randrange(1, 13):02d}.19{chance.randrange(50, 99)}",
            "total": chance.random() * 1e9,
        }
        for row in range(500)
    )
    assert found(table(rows)) == set()


def test_the_name_of_a_column_says_what_its_numbers_are() -> None:
    """Ten bare digits are a telephone under "phone" and nothing under "batch"; so are nine under "ssn"."""
    chance = random.Random(6)
    rows = [
        {"batch": digits, "home_phone": digits, "ssn": f"536{chance.randrange(10, 99)}{chance.randrange(1000, 9999)}"}
        for digits in (f"212{chance.randrange(200, 999)}{chance.randrange(1000, 9999)}" for _ in range(60))
    ]
    assert found(table(rows)) == {("pii.phone-number", "home_phone"), ("pii.us-ssn", "ssn")}


def test_codes_that_look_personal_now_and_then_are_left_alone(finder: Finder) -> None:
    """Part numbers of which a few have the form of a telephone are no column of telephones; addresses of mail are told."""
    parts = [f"X-{row:05d}-{row * 7 % 97}" for row in range(196)] + [
        "212-555-0143",
        "312-555-0188",
        "415-555-0101",
        "617-555-0111",
    ]
    rows = [
        orjson.dumps({"part": part, "user": f"u{at}@example.org" if at % 50 == 0 else f"u{at}"}).decode()
        for at, part in enumerate(parts)
    ]
    columns = type_columns(rows, finder)
    assert (columns["part"].kind, columns["part"].entity, columns["part"].least) == ("codes", "", None)
    assert columns["user"].least == 0.9


def test_prose_is_read_and_sampling_flags_by_column() -> None:
    """Scan finds the one address in free text; sample judges the column and says that prose was not read."""
    rows = [{"mail": f"u{row}@example.org", "remark": "nothing of note here today"} for row in range(40)]
    rows[17]["remark"] = "please write to eva@example.org about it"
    scanned = found(table(rows))
    assert scanned == {("pii.email-address", "mail"), ("pii.email-address", "remark")}
    assert found(table(rows), tables="sample") == {("pii.email-address", "mail")}
    assert "sample" in " ".join(Pii(PiiSettings(tables="sample"), CONTEXT).not_checked())


def test_broken_escapes_in_fields_do_no_harm() -> None:
    """A lone surrogate written as an escape is read as blanks, and what stands beside it is found."""
    fields = '{"note":"x\\ud800y write to bob@example.com","odd\\ud800":"z"}'
    items = items_of([{"modality": "table", "text": None, "fields": fields, "size": len(fields)}])
    flags = Pii(PiiSettings(), CONTEXT).flag(items).to_pylist()
    assert [fields[flag["start"] : flag["end"]] for flag in flags] == ["bob@example.com"]


def test_ten_thousand_columns_are_bounded() -> None:
    """A table of 10,000 columns is typed and read in seconds."""
    chance = random.Random(8)
    rows = [
        {f"c{at:05d}": chance.random() if at % 2 else f"v{chance.randrange(999)}" for at in range(10_000)} for _ in range(6)
    ]
    items = table(rows)
    made = Pii(PiiSettings(), CONTEXT)
    begun = time.process_time()
    assert made.flag(items).num_rows == 0
    assert time.process_time() - begun < 30
