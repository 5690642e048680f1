"""The tables of the frontier, in words that SQLite and PostgreSQL both read.

    run      one crawl of a source from its seeds to its end; unfinished ones are joined, finished ones are compared with
    process  who works or worked on it; a lease names its process, and the dead are told from the living by these rows
    url      every URL of every run, once: what waits, who has it, how it ended and why; refused links too
    clock    one row per registrable host for all runs: when it may be asked again, and which process has its turn
    host     one row per run and host: budgets and tallies, the best URL that waits there, and when to look at it
    policy   files about rights per origin: the last answer, and the last good copy where that is another

A host row carries its best waiting URL (priority, depth, seq) and the moment `due`. When that moment has come the row
becomes `ready`, and the ready rows are indexed best first. So picking costs one short index scan, however many URLs wait on
one host and however many hosts wait for their turn.
"""

from __future__ import annotations

from typing import Final

LAYOUT: Final = 1
"""Rises when a table changes in a way that older or newer programs cannot use."""

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS layout (version BIGINT PRIMARY KEY)",
    """CREATE TABLE IF NOT EXISTS run (
  id {serial}, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL DEFAULT '', digest TEXT NOT NULL,
  generation BIGINT NOT NULL, began DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS process (
  id {serial}, owner TEXT NOT NULL, machine TEXT NOT NULL, boot TEXT NOT NULL, pid BIGINT NOT NULL, born TEXT NOT NULL,
  seen DOUBLE PRECISION NOT NULL, gone SMALLINT NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS url (
  id {serial}, run BIGINT NOT NULL, key {binary} NOT NULL, url TEXT NOT NULL, host TEXT NOT NULL, request TEXT NOT NULL,
  priority BIGINT NOT NULL, depth BIGINT NOT NULL, seq BIGINT NOT NULL, not_before DOUBLE PRECISION NOT NULL,
  state TEXT NOT NULL, holder BIGINT NOT NULL DEFAULT 0, until DOUBLE PRECISION NOT NULL DEFAULT 0,
  tries BIGINT NOT NULL DEFAULT 0, leases BIGINT NOT NULL DEFAULT 0, again SMALLINT NOT NULL DEFAULT 0,
  reason TEXT NOT NULL, detail TEXT NOT NULL, referrer TEXT NOT NULL, facts TEXT NOT NULL DEFAULT '{{}}',
  entered DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION NOT NULL DEFAULT 0, UNIQUE (run, key))""",
    """CREATE TABLE IF NOT EXISTS clock (
  host TEXT PRIMARY KEY, next_ok DOUBLE PRECISION NOT NULL DEFAULT 0, delay DOUBLE PRECISION NOT NULL DEFAULT 0,
  hold TEXT NOT NULL DEFAULT '', failures BIGINT NOT NULL DEFAULT 0, holder BIGINT NOT NULL DEFAULT 0,
  held_until DOUBLE PRECISION NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS host (
  run BIGINT NOT NULL, host TEXT NOT NULL, closed TEXT NOT NULL DEFAULT '', pages BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0, seconds DOUBLE PRECISION NOT NULL DEFAULT 0, errors BIGINT NOT NULL DEFAULT 0,
  memory TEXT NOT NULL DEFAULT '{{}}', priority BIGINT, depth BIGINT, seq BIGINT, ready SMALLINT NOT NULL DEFAULT 0,
  due DOUBLE PRECISION NOT NULL DEFAULT 0, PRIMARY KEY (host, run))""",
    """CREATE TABLE IF NOT EXISTS policy (
  origin TEXT NOT NULL, name TEXT NOT NULL, good SMALLINT NOT NULL, url TEXT NOT NULL, fetched DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL, status BIGINT NOT NULL, body {binary}, closed TEXT NOT NULL,
  PRIMARY KEY (origin, name, good))""",
)

INDEXES: Final = (
    # The best URL of a host, and the few that wait for a later moment.
    "CREATE INDEX IF NOT EXISTS url_ripe ON url (run, host, priority DESC, depth, seq) WHERE state='pending' AND not_before=0",
    "CREATE INDEX IF NOT EXISTS url_later ON url (run, not_before) WHERE state='pending' AND not_before>0",
    "CREATE INDEX IF NOT EXISTS url_leased ON url (run, until) WHERE state='leased'",
    "CREATE INDEX IF NOT EXISTS url_again ON url (run, holder) WHERE again=1",
    # Counting and showing by outcome; a row enters it once, when it ends.
    "CREATE INDEX IF NOT EXISTS url_ended ON url (run, state, reason, id) WHERE ended>0",
    "CREATE INDEX IF NOT EXISTS host_ready ON host (run, priority DESC, depth, seq) WHERE ready=1",
    "CREATE INDEX IF NOT EXISTS host_due ON host (run, due) WHERE ready=0 AND seq IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS clock_held ON clock (holder) WHERE holder<>0",
)
