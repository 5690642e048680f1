"""Text that reads as if a language model had written it: chat artefacts by phrase, word choice by score."""

from acquisition.filters.llm_style.settings import LlmStyleSettings
from acquisition.filters.llm_style.style import LlmStyle

__all__ = ["LlmStyle", "LlmStyleSettings"]
