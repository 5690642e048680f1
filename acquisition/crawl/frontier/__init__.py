"""The frontier: every URL of every run, once, in one database that survives kill -9 and that several processes may share.

`open_desk` opens it for a crawling process; `begin_run`, `finish_run` and `runs` are about whole runs; `look` answers questions
while a crawl is under way.
"""

from acquisition.crawl.frontier.desk import FrontierDesk
from acquisition.crawl.frontier.opening import Run, ask_again, begin_run, finish_run, open_desk, runs
from acquisition.crawl.frontier.store import Spans

__all__ = ["FrontierDesk", "Run", "Spans", "ask_again", "begin_run", "finish_run", "open_desk", "runs"]
