"""Asks hubs small questions: the one client behind every adapter and behind the official client libraries.

Every connection goes to an address that the guard has passed; every request has a connect, a read and a total time limit;
every body has a cap; TLS is verified. Failures that pass are asked again, as long as the server's own Retry-After or
RateLimit says and no longer than `ApiLimits` allows. What the server refuses becomes an error of our tree that repeats the
server's own words, without the secrets that were sent.
"""

from __future__ import annotations

from acquisition.api.answers import accepted, redacted, refusal_of, wait_asked, words_of
from acquisition.api.client import Client, Transport, head_of
from acquisition.api.wire import ApiLimits

__all__ = ["ApiLimits", "Client", "Transport", "accepted", "head_of", "redacted", "refusal_of", "wait_asked", "words_of"]
