"""Pseudonyms: equal values get equal ones, another key gives others, and nothing of the value or the key is in them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from acquisition.curate.redact import Pseudonyms, pseudonyms, redact_row
from acquisition.errors import DeclarationError
from acquisition.settings import RedactSettings
from acquisition.testing.filters import items_of

SET = RedactSettings(mode="pseudonym", key_env="PII_KEY")


def test_equal_values_have_equal_pseudonyms() -> None:
    """Case of an address and grouping of a number do not matter; another value, kind or key does."""
    made = Pseudonyms("one long key")
    mail = made.mark("<EMAIL_ADDRESS>", "Bob@Example.com")
    assert mail == made.mark("<EMAIL_ADDRESS>", "bob@example.com")
    assert mail != made.mark("<EMAIL_ADDRESS>", "rob@example.com")
    assert mail != Pseudonyms("another key").mark("<EMAIL_ADDRESS>", "bob@example.com")
    assert made.mark("<PHONE_NUMBER>", "(212) 555-0123") == made.mark("<PHONE_NUMBER>", "212 555 0123")
    assert made.mark("<US_SSN>", "2125550123")[7:] != made.mark("<PHONE_NUMBER>", "2125550123")[13:]
    assert mail.startswith("<EMAIL_ADDRESS_")
    assert "bob" not in mail.lower()


def test_spans_of_a_shard_get_pseudonyms(tmp_path: Path) -> None:
    """Text, whole fields and single values of fields are read from the shard; the row is redacted with the pseudonyms."""
    items = items_of([{"text": "mail bob@example.com now", "fields": '{"mail":"bob@example.com","n":5}'}])
    path = tmp_path / "items.parquet"
    pq.write_table(pa.Table.from_batches([items]), path)
    spans = {0: [("text", 5, 20, "<EMAIL_ADDRESS>"), ("fields", 9, 24, "<EMAIL_ADDRESS>"), ("fields.n", 0, -1, "<US_SSN>")]}
    named = Pseudonyms("key").named(spans, str(path))
    marks = [span[3] for span in named[0]]
    assert marks[0] == marks[1] == Pseudonyms("key").mark("<EMAIL_ADDRESS>", "bob@example.com")
    changed, changes = redact_row(items.to_pylist()[0], named[0][:2])
    assert changed["text"] == f"mail {marks[0]} now"
    assert marks[0] in changed["fields"]
    assert all(marks[0] in change for change in changes)


def test_a_missing_key_is_said_before_anything_is_built() -> None:
    """The declaration is refused where the variable is not set, and so is building."""
    with pytest.raises(ValidationError, match="PII_KEY"):
        RedactSettings.model_validate({"mode": "pseudonym", "key_env": "PII_KEY"}, context={"environment": {}})
    with pytest.raises(ValidationError, match="fewer than 16"):
        RedactSettings.model_validate(
            {"mode": "pseudonym", "key_env": "PII_KEY"}, context={"environment": {"PII_KEY": "short"}}
        )
    with pytest.raises(ValidationError, match="key_env"):
        RedactSettings.model_validate({"mode": "pseudonym"})
    with pytest.raises(DeclarationError, match="PII_KEY"):
        pseudonyms(SET, {})
    assert pseudonyms(RedactSettings(), {}) is None
    made = pseudonyms(SET, {"PII_KEY": "secret words"})
    assert made is not None
    assert "secret" not in made.fingerprint
