"""Loads what the filter is made of, once and in one thread at a time: the engine, and with it presidio and spaCy.

Both take a second to import and import each other's parts in circles. Two threads that come at once could be let into a module
that the other has not finished (importlib breaks such deadlocks so). Everybody who needs presidio asks here first, and finds
whole modules afterwards.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from acquisition.filters.pii.engine import Analyzer

_ONE_AT_A_TIME: Final = threading.RLock()


def engine() -> type[Analyzer]:
    """Return the engine's class."""
    with _ONE_AT_A_TIME:
        found: type[Analyzer] = import_module("acquisition.filters.pii.engine").Analyzer
    return found


def presidio() -> Any:
    """Return presidio_analyzer with all its predefined recognisers."""
    engine()
    return import_module("presidio_analyzer")
