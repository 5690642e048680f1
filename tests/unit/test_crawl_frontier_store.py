"""The store on SQLite does what the model does, whatever two processes do with it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, settings

from acquisition.crawl.frontier.database import Database, SqliteDatabase
from tests.frontier_machine import FrontierMachine


class SqliteMachine(FrontierMachine):
    """The machine on a file."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()

    def connect(self) -> Database:
        """Open the file once more."""
        database = SqliteDatabase(Path(self._folder.name) / "f.sqlite", now=time.time)
        database.prepare()
        return database

    def teardown(self) -> None:
        """Close the connections and remove the file."""
        super().teardown()
        self._folder.cleanup()


SqliteMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSqlite = SqliteMachine.TestCase
