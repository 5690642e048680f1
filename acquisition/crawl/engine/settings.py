"""The settings of a spider's crawl, those that no spider can weaken among them, and the check that they are kept.

They are set with a priority above everything that a spider, an add-on or a command line can reach, and compared once more
when the spider is opened, before anything is sent. What they decide is how Scrapy is put together; rules, pace, limits and
addresses are the visitor's, which no setting reaches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeGuard

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter
from scrapy.settings import BaseSettings, Settings
from twisted.python.failure import Failure

from acquisition.crawl.contract import PRODUCT_TOKEN
from acquisition.crawl.job import Job

PRIORITY: Final = 1_000
"""Scrapy's highest named priority, "cmdline", is 40."""
UNDER_WAY: Final = 64
"""Requests under way at once, over all hosts; how many at one host is the clocks' matter."""
MEMORY_LIMIT_MB: Final = 2_048

_ENGINE: Final = "acquisition.crawl.engine."
_HANDLER: Final = f"{_ENGINE}handler.VisitHandler"
_DOWNLOADER: Final = "scrapy.downloadermiddlewares."
_SPIDER: Final = "scrapy.spidermiddlewares."


class Quiet(LogFormatter):
    """Says nothing of the ordinary: what came, what was kept and what was refused stands in the frontier and the archive."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> None:  # type: ignore[override]  # None is allowed
        """Say nothing."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> None:  # type: ignore[override]  # None is allowed
        """Say nothing."""


def guarded(job: Job) -> dict[str, Any]:
    """Return the settings that a spider cannot weaken, as the job wants them."""
    return _identity(job) | _pace(job) | _closed_doors() | _machinery()


def _identity(job: Job) -> dict[str, Any]:
    return {
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": PRODUCT_TOKEN,
        "USER_AGENT": job.user_agent,
        "REFERRER_POLICY": "no-referrer",
        "REFERER_ENABLED": False,
    }


def _pace(job: Job) -> dict[str, Any]:
    return {
        "CONCURRENT_REQUESTS": UNDER_WAY,
        "CONCURRENT_REQUESTS_PER_DOMAIN": UNDER_WAY,
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "DOWNLOAD_SLOTS": {},
        "AUTOTHROTTLE_ENABLED": False,
        "DOWNLOAD_MAXSIZE": job.settings.max_response,
        "CLOSESPIDER_TIMEOUT": 0,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_MAXDELAY": 5,
        "RETRY_ENABLED": False,
        "MEMUSAGE_LIMIT_MB": MEMORY_LIMIT_MB,
    }


def _closed_doors() -> dict[str, Any]:
    return {
        "COOKIES_ENABLED": False,
        "HTTPAUTH_USER": "",
        "HTTPAUTH_PASS": "",
        "HTTPCACHE_ENABLED": False,
        "HTTPPROXY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "DNSCACHE_ENABLED": True,
        "DOWNLOAD_BIND_ADDRESS": None,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "DOWNLOAD_TIMEOUT": 30.0,
        "DOWNLOAD_TLS_MIN_VERSION": "TLSv1.2",
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_HANDLERS": {"http": _HANDLER, "https": _HANDLER, "data": None, "file": None, "ftp": None, "s3": None},
        "HTTPERROR_ALLOW_ALL": False,
        "LOG_STDOUT": False,
    }


def _machinery() -> dict[str, Any]:
    return {
        "ADDONS": {},
        "EXTENSIONS": {f"{_ENGINE}recording.Recorder": 0},
        "JOBDIR": None,
        "TWISTED_REACTOR_ENABLED": True,
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "DOWNLOADER": "scrapy.core.downloader.Downloader",
        "DOWNLOADER_MIDDLEWARES": {
            f"{_ENGINE}middlewares.Clean": 20,
            f"{_ENGINE}middlewares.Offsite": 50,
            f"{_ENGINE}middlewares.Refreshes": 580,
            f"{_ENGINE}middlewares.Redirects": 600,
        }
        | {f"{_DOWNLOADER}{name}": None for name in _DOWNLOADER_OFF},
        "SPIDER_MIDDLEWARES": {f"{_ENGINE}output.Output": 10} | {f"{_SPIDER}{name}": None for name in _SPIDER_OFF},
        "SCHEDULER": f"{_ENGINE}scheduler.FrontierScheduler",
    }


_DOWNLOADER_OFF: Final = (
    "cookies.CookiesMiddleware",
    "defaultheaders.DefaultHeadersMiddleware",
    "downloadtimeout.DownloadTimeoutMiddleware",
    "httpauth.HttpAuthMiddleware",
    "httpcache.HttpCacheMiddleware",
    "httpcompression.HttpCompressionMiddleware",
    "httpproxy.HttpProxyMiddleware",
    "offsite.OffsiteMiddleware",
    "redirect.MetaRefreshMiddleware",
    "redirect.RedirectMiddleware",
    "retry.RetryMiddleware",
    "robotstxt.RobotsTxtMiddleware",
    "stats.DownloaderStats",
    "useragent.UserAgentMiddleware",
)
_SPIDER_OFF: Final = (
    "depth.DepthMiddleware",
    "referer.RefererMiddleware",
    "metacopy.MetaCopyDetectionMiddleware",
    "start.StartSpiderMiddleware",
    "urllength.UrlLengthMiddleware",
)
"""What the visitor, the frontier and `Output` do instead; every layer costs time for each link."""


_GENTLER: Final = frozenset({"DOWNLOAD_DELAY", "DOWNLOAD_MAXSIZE"})


def settings_for(job: Job, spider: type[Spider]) -> tuple[Settings, list[str]]:
    """Return the settings for a spider and the names of those of its own that were not taken over.

    A spider may ask for a longer delay or a smaller response (`gentler`); the job it is given has them already.
    """
    own = _asked_for(spider)
    wanted = guarded(job)
    settings = Settings()
    settings.set("LOG_LEVEL", "INFO", priority="project")
    settings.set("LOG_FORMATTER", f"{_ENGINE}settings.Quiet", priority="project")
    settings.set("BOT_NAME", PRODUCT_TOKEN, priority="project")
    settings.set("CONCURRENT_ITEMS", 2, priority="project")  # each costs a task per page, and most pages have one item
    for name, value in wanted.items():
        settings.set(name, value, priority=PRIORITY)
    taken = {name for name, value in own.items() if name in _GENTLER and _is_number(value)}
    ignored = sorted(name for name, value in own.items() if name in wanted and wanted[name] != value and name not in taken)
    return settings, ignored


def _asked_for(spider: type[Spider]) -> dict[str, Any]:
    """Return what a spider sets in `custom_settings` or `update_settings()`, with whatever priority."""
    asked = Settings()
    spider.update_settings(asked)
    return {name: asked[name] for name in asked if (asked.getpriority(name) or 0) > 0}


def gentler(job: Job, spider: type[Spider]) -> Job:
    """Return the job with the spider's own delay and response size where they are the politer ones."""
    own: Mapping[str, Any] = dict(spider.custom_settings or {})
    crawl, delay, size = dict(job.crawl), own.get("DOWNLOAD_DELAY"), own.get("DOWNLOAD_MAXSIZE")
    if _is_number(delay):
        crawl["delay"] = max(job.settings.delay, float(delay))
    if _is_number(size) and size:
        crawl["max_response"] = min(job.settings.max_response, int(size))
    return replace(job, crawl=crawl)


def weakened(settings: BaseSettings, expected: BaseSettings) -> list[str]:
    """Return the names of guarded settings that do not have the expected value."""
    names = [name for name in expected if expected.getpriority(name) == PRIORITY]
    bases = ["DOWNLOAD_HANDLERS_BASE", "DOWNLOADER_MIDDLEWARES_BASE", "SPIDER_MIDDLEWARES_BASE", "EXTENSIONS_BASE"]
    return sorted(name for name in (*names, *bases) if _value(settings, name) != _value(expected, name))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _value(settings: BaseSettings, name: str) -> Any:
    value = settings[name]
    return value.copy_to_dict() if isinstance(value, BaseSettings) else value
