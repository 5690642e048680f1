"""A Scrapy request as text that can wait in a database: JSON with tags, never pickle, so that it can be read without trust.

What cannot be written (a lambda as callback, an object in meta) raises Unwritable; the scheduler then keeps the request in
memory and has its parent gone through once more when the run is resumed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from scrapy import Request, Spider

from acquisition.crawl.spider import Sample

WORK: Final = "acquisition"
"""The key of a request's meta under which the engine keeps what it knows of it. Nothing that a spider writes there is used."""
SHOWN_ON: Final = "acquisition_shown_on"
"""The key under which a media file carries what its page says of everything shown there."""
EMBEDDED: Final = "embedded"
"""meta key by which a spider says that a request is part of the page (an image, a sound), not a link to follow."""
NEVER_KEPT: Final = frozenset(
    {
        WORK,
        *("bindaddress", "cookiejar", "depth_reset", "dont_obey_robotstxt", "download_fail_on_dataloss", "download_latency"),
        *("download_maxsize", "download_slot", "download_timeout", "download_warnsize", "max_retry_times", "proxy"),
        *("redirect_ttl", "_auth_proxy", "_scheme_proxy"),
    }
)
"""Keys of meta that would lift a limit, use a proxy or belong to us."""
HEADERS_SENT: Final = ("Accept", "Accept-Language")
"""What a spider may say to a server beyond what the crawler says itself."""
_DEEPEST: Final = 20


class Unwritable(ValueError):
    """A request holds something that has no JSON form."""


def write(request: Request, spider: Spider) -> str:
    """Return a request as JSON; Unwritable when it cannot be read back the same."""
    found: dict[str, Any] = {}
    if request.method != "GET":
        found["method"] = request.method
    for name in ("callback", "errback"):
        if (function := getattr(request, name)) is not None:
            found[name] = _name_of(function, spider)
    if request.priority:
        found["priority"] = request.priority
    if request.dont_filter:
        found["dont_filter"] = True
    meta = {key: value for key, value in request.meta.items() if key not in NEVER_KEPT}
    if meta:
        found["meta"] = _packed(meta)
    if request.cb_kwargs:
        found["cb_kwargs"] = _packed(request.cb_kwargs)
    if headers := sent_headers(request):
        found["headers"] = headers
    if request.flags:
        found["flags"] = _packed(request.flags)
    return json.dumps(found, separators=(",", ":"), ensure_ascii=True, sort_keys=True) if found else "{}"


def read(url: str, text: str, spider: Spider) -> Request:
    """Return the request that was written; ValueError when the text is none, or names a method that the spider has no more."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not a request")  # noqa: TRY004  # the text is wrong, not a type
    return Request(
        url,
        method=found.get("method", "GET"),
        callback=_method(spider, found.get("callback")),
        errback=_method(spider, found.get("errback")),
        priority=found.get("priority", 0),
        dont_filter=found.get("dont_filter", False),
        headers=found.get("headers"),
        meta=_unpacked(found.get("meta", {})),
        cb_kwargs=_unpacked(found.get("cb_kwargs", {})),
        flags=_unpacked(found.get("flags", [])),
    )


def sent_headers(request: Request) -> dict[str, str]:
    """Return the headers of a request that may be sent, each on one line."""
    if not request.headers:
        return {}
    found = ((name, request.headers.get(name)) for name in HEADERS_SENT)
    return {name: " ".join(value.decode("latin-1").split()) for name, value in found if value}


def _name_of(function: Any, spider: Spider) -> str:
    name = getattr(function, "__name__", "")
    if getattr(function, "__self__", None) is not spider or getattr(spider, name, None) != function:
        raise Unwritable(f"{function!r} is no method of the spider")
    return str(name)


def _method(spider: Spider, name: str | None) -> Callable[..., Any] | None:
    if name is None:
        return None
    found = getattr(spider, str(name), None)
    if not callable(found):
        raise ValueError(f"the spider has no method {name!r}")  # noqa: TRY004  # the text is wrong, not a type
    return found  # type: ignore[no-any-return]  # what is callable is a callback


def _packed(value: Any, depth: int = 0) -> Any:
    """Return the value with its types written down where JSON has none."""
    if value is None or isinstance(value, (bool, str)) or type(value) in (int, float):
        return value
    if depth >= _DEEPEST:
        raise Unwritable("nested too deeply")
    if isinstance(value, list):
        return [_packed(inner, depth + 1) for inner in value]
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: _packed(inner, depth + 1) for key, inner in value.items()}
        return {"$dict": [[_packed(key, depth + 1), _packed(inner, depth + 1)] for key, inner in value.items()]}
    return _tagged(value, depth)


def _tagged(value: Any, depth: int) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if type(value) is tuple:
        return {"$tuple": [_packed(inner, depth + 1) for inner in value]}
    if type(value) in (set, frozenset):
        return {"$set": sorted((_packed(inner, depth + 1) for inner in value), key=repr)}
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if type(value) is Sample:
        return {"$sample": _packed(asdict(value), depth + 1)}
    raise Unwritable(f"a {type(value).__name__} cannot be written down")


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$bytes": base64.b64decode,
    "$tuple": tuple,
    "$set": set,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$sample": lambda fields: Sample(**fields),
    "$dict": dict,
}


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (tag,) = value
        if tag in _READ:
            return _READ[tag](_unpacked(value[tag]))
    return {key: _unpacked(inner) for key, inner in value.items()}
