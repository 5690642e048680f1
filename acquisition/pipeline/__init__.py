"""The only package that knows the order: plan, move, stage, flag, judge, curate, write the manifest."""

from acquisition.pipeline.handing_out.archiving import archive
from acquisition.pipeline.handing_out.bundling import BundleOptions, verify_bundle, write_bundle
from acquisition.pipeline.looking.comparing import compare, names_a_version
from acquisition.pipeline.looking.inspect import check, explain, explain_url, is_url, release_list, status
from acquisition.pipeline.looking.proving import verify
from acquisition.pipeline.pinning.locking import Finding, check_lock, lock
from acquisition.pipeline.pinning.promised import planned_only
from acquisition.pipeline.pinning.updating import News, news, update
from acquisition.pipeline.run import crawl, curate, fetch, plan
from acquisition.pipeline.session import Session, open_session
from acquisition.pipeline.summary import SourceSummary, Summary, exit_code_of

__all__ = [
    "BundleOptions",
    "Finding",
    "News",
    "Session",
    "SourceSummary",
    "Summary",
    "archive",
    "check",
    "check_lock",
    "compare",
    "crawl",
    "curate",
    "exit_code_of",
    "explain",
    "explain_url",
    "fetch",
    "is_url",
    "lock",
    "names_a_version",
    "news",
    "open_session",
    "plan",
    "planned_only",
    "release_list",
    "status",
    "update",
    "verify",
    "verify_bundle",
    "write_bundle",
]
