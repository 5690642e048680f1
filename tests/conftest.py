"""What all tests share: nothing leaves the machine, and the real files are found beside the checkout or not at all."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LONGEST = "test_main_kill.py"
SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files, skipping the test where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real files (../shared/data) are not beside this checkout")
    return SHARED


@pytest.fixture
def same_environment() -> Iterator[None]:
    """See that a test leaves the process's variables as they were: children of later tests inherit them."""
    before = _environment()
    yield
    assert _environment() == before


def _environment() -> dict[str, str]:
    own = ("PYTEST_", "KMP_")  # pytest names the test under way, and scikit-learn sets OpenMP up when it is imported
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@pytest.fixture(autouse=True)
def only_this_machine(
    request: pytest.FixtureRequest, same_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Refuse every connection that would leave the machine, except in tests marked `network`."""
    if request.node.get_closest_marker("network"):
        yield
        return
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0].split("%")[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest tests first, and leave network tests out unless they are asked for by their marker."""
    # Begun last, the kills of a whole run would be waited for by every other worker (pytest-xdist takes tests in this order).
    items.sort(key=lambda item: item.path.name != LONGEST)
    if "network" in (config.getoption("-m") or ""):
        return
    skip = pytest.mark.skip(reason="leaves the machine; ask with -m network")
    for item in items:
        if item.get_closest_marker("network"):
            item.add_marker(skip)
