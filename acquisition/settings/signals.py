"""What each way of speaking by machine does: the `signals` block."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from acquisition.settings.base import Settings

Treatment = Literal["honour", "record", "ignore"]


class SignalSettings(Settings):
    """What each way of speaking by machine does: honour (it counts), record (it is shown, and leads to nothing) or ignore.

    A yes never cancels a no, whatever stands here, and the crawler always obeys robots.txt. Names: docs/signals.md.
    """

    robots: Treatment = "honour"
    ai_agents: Treatment = Field(default="honour", alias="ai-agents")
    """A site that shuts out crawlers that gather training data is taken to mean every one."""
    x_robots_tag: Treatment = Field(default="honour", alias="x-robots-tag")
    meta_robots: Treatment = Field(default="honour", alias="meta-robots")
    aipref: Treatment = "honour"
    content_signal: Treatment = Field(default="honour", alias="content-signal")
    tdmrep: Treatment = "honour"
    rsl: Treatment = "honour"
    ai_txt: Treatment = Field(default="honour", alias="ai-txt")
    trust_txt: Treatment = Field(default="honour", alias="trust-txt")
    plus: Treatment = "honour"
    c2pa: Treatment = "honour"
    cawg: Treatment = "honour"
    unread: Treatment = "honour"
    """What lies beyond a limit and may say anything."""

    @property
    def changed(self) -> Mapping[str, str]:
        """Mechanism → record or ignore, for those that are not honoured."""
        return MappingProxyType({name: word for name, word in self.model_dump(by_alias=True).items() if word != "honour"})
