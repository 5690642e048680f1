"""The settings of a crawl, those that no spider can weaken among them, and the check that they are what they should be.

They are set with a priority above everything that a spider, an add-on or a command line can reach, and compared once more
when the spider is opened, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from scrapy import Spider
from scrapy.settings import BaseSettings, Settings

from acquisition.crawl.job import Job
from acquisition.crawl.session import PRODUCT_TOKEN

PRIORITY: Final = 1_000
"""Scrapy's highest named priority, "cmdline", is 40."""
TIMEOUT: Final = 30.0
"""Seconds for one response from first to last byte."""
SMALLEST_DELAY: Final = 0.001
"""Seconds. Without any delay Scrapy 2.19 empties a slot's whole queue at once, because a transfer is only counted when its task
first runs: 16 connections to one host were seen where one is allowed. With a delay it sends them one by one."""
MEMORY_LIMIT_MB: Final = 2_048

_HTTP: Final = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"
_DOWNLOADER: Final = "scrapy.downloadermiddlewares."

_STRICTER: Final[Mapping[str, Callable[[float, float], float]]] = {
    "DOWNLOAD_DELAY": max,
    "DOWNLOAD_TIMEOUT": min,
    "DOWNLOAD_MAXSIZE": min,
    "REDIRECT_MAX_TIMES": min,
    "RETRY_TIMES": min,
}
"""What a spider may tighten: its own number counts where it is the politer one."""


def guarded(job: Job) -> dict[str, Any]:
    """Return the settings that a spider cannot weaken, as the job wants them."""
    return _identity(job) | _pace(job) | _closed_doors() | _machinery()


def _identity(job: Job) -> dict[str, Any]:
    return {
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_PARSER": "scrapy.robotstxt.ProtegoRobotParser",
        "ROBOTSTXT_USER_AGENT": PRODUCT_TOKEN,
        "USER_AGENT": job.user_agent,
        "REFERRER_POLICY": "no-referrer",
        "REFERER_ENABLED": True,
    }


def _pace(job: Job) -> dict[str, Any]:
    return {
        "CONCURRENT_REQUESTS": 16,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": max(job.delay, SMALLEST_DELAY),
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "DOWNLOAD_SLOTS": {},
        "AUTOTHROTTLE_ENABLED": False,
        "DOWNLOAD_TIMEOUT": TIMEOUT,
        "DOWNLOAD_MAXSIZE": job.max_response,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "CLOSESPIDER_TIMEOUT": job.limits.seconds,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_MAXDELAY": 5,
        "RETRY_TIMES": 2,
        "RETRY_HTTP_CODES": [408, 500, 502, 504, 522, 524],  # 429 and 503 ask for fewer requests, not for more
        "URLLENGTH_LIMIT": 2_083,
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
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_TLS_MIN_VERSION": "TLSv1.2",
        "DOWNLOAD_TLS_MAX_VERSION": None,
        "DOWNLOADER_CLIENTCONTEXTFACTORY": "SENTINEL",
        "DOWNLOADER_CLIENT_TLS_CIPHERS": "DEFAULT",
        "DOWNLOADER_CLIENT_TLS_METHOD": "TLS",
        "DOWNLOAD_BIND_ADDRESS": None,
        "DOWNLOAD_HANDLERS": {"http": _HTTP, "https": _HTTP, "data": None, "file": None, "ftp": None, "s3": None},
        "TWISTED_DNS_RESOLVER": "acquisition.crawl.resolver.GuardedResolver",
        "DNSCACHE_ENABLED": True,
        "DNSCACHE_SIZE": 10_000,
        "HTTPERROR_ALLOW_ALL": False,
        "LOG_STDOUT": False,
    }


def _machinery() -> dict[str, Any]:
    crawl = "acquisition.crawl."
    return {
        "ADDONS": {},
        "EXTENSIONS": {},
        "JOBDIR": None,
        "TWISTED_REACTOR_ENABLED": True,
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "DOWNLOADER": "scrapy.core.downloader.Downloader",
        "DOWNLOADER_MIDDLEWARES": {
            f"{crawl}scope.ScopeGuard": 20,
            f"{crawl}scope.CountedOffsite": 50,
            f"{crawl}gate.RobotsGate": 100,
            f"{crawl}recorder.Recorder": 899,
            f"{_DOWNLOADER}offsite.OffsiteMiddleware": None,
            f"{_DOWNLOADER}robotstxt.RobotsTxtMiddleware": None,
            f"{_DOWNLOADER}httpauth.HttpAuthMiddleware": None,
            f"{_DOWNLOADER}useragent.UserAgentMiddleware": None,
            f"{_DOWNLOADER}cookies.CookiesMiddleware": None,
            f"{_DOWNLOADER}httpproxy.HttpProxyMiddleware": None,
            f"{_DOWNLOADER}httpcache.HttpCacheMiddleware": None,
        },
        "SPIDER_MIDDLEWARES": {
            f"{crawl}provenance.Provenance": 950,
            "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
        },
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",  # breadth first, so that limits cut the same pages off
    }


def settings_for(job: Job, spider: type[Spider]) -> tuple[Settings, list[str]]:
    """Return the settings for a spider and the names of those of its own that were not taken over.

    A spider may be stricter than the job (a longer delay, a smaller response); then its own value counts.
    """
    own: Mapping[str, Any] = dict(spider.custom_settings or {})
    wanted = guarded(job)
    for name, stricter in _STRICTER.items():
        value = own.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            wanted[name] = stricter(wanted[name], value) if value or stricter is max else wanted[name]
    settings = Settings()
    settings.set("LOG_LEVEL", "INFO", priority="project")
    settings.set("BOT_NAME", PRODUCT_TOKEN, priority="project")
    for name, value in wanted.items():
        settings.set(name, value, priority=PRIORITY)
    ignored = sorted(name for name, value in own.items() if name in wanted and wanted[name] != value)
    return settings, ignored


def weakened(settings: BaseSettings, expected: BaseSettings) -> list[str]:
    """Return the names of guarded settings that do not have the expected value."""
    names = [name for name in expected if expected.getpriority(name) == PRIORITY]
    bases = ["DOWNLOAD_HANDLERS_BASE", "DOWNLOADER_MIDDLEWARES_BASE", "SPIDER_MIDDLEWARES_BASE", "EXTENSIONS_BASE"]
    return sorted(name for name in (*names, *bases) if _value(settings, name) != _value(expected, name))


def _value(settings: BaseSettings, name: str) -> Any:
    value = settings[name]
    return value.copy_to_dict() if isinstance(value, BaseSettings) else value
