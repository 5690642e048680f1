"""The tables of a run's index."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY, url_key INTEGER NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL, method TEXT NOT NULL,
  file TEXT NOT NULL, offset INTEGER NOT NULL, record_id TEXT NOT NULL, date TEXT NOT NULL, status INTEGER NOT NULL,
  body_file TEXT NOT NULL, body_offset INTEGER NOT NULL, body_record_id TEXT NOT NULL, body_date TEXT NOT NULL,
  body_status INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, digest TEXT NOT NULL,
  etag TEXT NOT NULL, last_modified TEXT NOT NULL, length INTEGER NOT NULL, mime TEXT);
CREATE INDEX exchange_url ON exchange (url_key);
CREATE TABLE item (
  key BLOB PRIMARY KEY, url_key INTEGER NOT NULL, page BLOB NOT NULL, list TEXT NOT NULL, void INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX item_url ON item (url_key);
CREATE INDEX item_page ON item (page) WHERE page != x'';
CREATE TABLE file (name TEXT PRIMARY KEY, indexed INTEGER NOT NULL, synced INTEGER NOT NULL) WITHOUT ROWID;
"""
COLUMNS: Final = (
    "url, kind, method, file, offset, record_id, date, status, body_file, body_offset, body_record_id, body_date, body_status,"
    " bytes, sha256, digest, etag, last_modified, length, mime"
)
