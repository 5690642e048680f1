"""Contract tests for authors of plug-ins: plain functions that raise AssertionError with a sentence.

from acquisition.testing import check_adapter, context_for, scripted

def test_my_adapter_keeps_the_contract():
    api = scripted({"GET https://hub.example/api/set": {"version": 3, "files": [...]}})
    check_adapter(MyAdapter(), source_for(MyAdapter, "mine", set="set"), context_for(api))
"""

from __future__ import annotations

from acquisition.testing.adapters import check_adapter, context_for, source_for
from acquisition.testing.filters import check_filter, items_of
from acquisition.testing.readers import StoredBinary, check_reader, read_context
from acquisition.testing.scripted import Script, scripted

__all__ = [
    "Script",
    "StoredBinary",
    "check_adapter",
    "check_filter",
    "check_reader",
    "context_for",
    "items_of",
    "read_context",
    "scripted",
    "source_for",
]
