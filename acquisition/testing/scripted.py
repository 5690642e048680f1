"""An API client that answers from a script: the real client with its real rules, over a transport that is a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from acquisition.api import ApiLimits, Client
from acquisition.network import AddressGuard
from acquisition.protocols import Answer


@dataclass(slots=True)
class Script:
    """Answers by "METHOD url", with the query or (for all queries) without it; anything else is answered with 404.

    A value is JSON for a 200, an `Answer` for anything special, or a list of either, given in turn and the last for ever.
    `asked` holds what was asked: method, URL, headers and body.
    """

    answers: Mapping[str, Any]
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=dict)

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, cap: int) -> Answer:  # noqa: ARG002  # signature
        """Answer once; the signature is that of `acquisition.api.Transport`."""
        self.asked.append((method, url, dict(headers), body or b""))
        parts = urlsplit(url)
        for key in (f"{method} {url}", f"{method} {parts.scheme}://{parts.netloc}{parts.path}"):
            if key in self.answers:
                return self._next(key, url)
        return Answer(404, {"content-type": "application/json"}, b'{"message": "not in the script"}', url)

    def _next(self, key: str, url: str) -> Answer:
        value = self.answers[key]
        if isinstance(value, list):
            turn = self._turns.get(key, 0)
            self._turns[key] = turn + 1
            value = value[min(turn, len(value) - 1)]
        if isinstance(value, Answer):
            return Answer(value.status, value.headers, value.body, url)
        return Answer(200, {"content-type": "application/json"}, orjson.dumps(value), url)


def scripted(answers: Mapping[str, Any] | Script) -> Client:
    """Return a real `Client` that asks a script instead of the network, and never sleeps. A list as JSON goes in an Answer."""
    script = answers if isinstance(answers, Script) else Script(answers)
    guard = AddressGuard(["http://127.0.0.1/"])
    limits = ApiLimits(tries=2)
    return Client("acquisition/testing", guard, limits=limits, sleep=lambda _: None, jitter=lambda: 0.0, transport=script)
