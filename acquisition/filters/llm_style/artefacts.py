"""What copying from a chat leaves in a text, in whatever language: citation marks, tracking parameters, template tokens."""

# ruff: noqa: E501  # a pattern is read as one line

from __future__ import annotations

from typing import Final

from acquisition.filters.llm_style.phrases import FORMATS, INTERFACE, WIKIPEDIA, Phrase, Tier


def _phrase(name: str, tier: Tier, source: str, anchors: tuple[str, ...], pattern: str, sign: str = "") -> Phrase:
    return Phrase(name, tier, "", source, anchors, pattern, sign=sign)


CERTAIN: Final = (
    _phrase(
        "chat-source",
        "certain",
        WIKIPEDIA,
        ("utm_source=",),
        r"\bhttps?://[^\s<>\"]{4,400}[?&](?:amp;)?utm_source=(?:chatgpt\.com|openai\b|copilot\.com|perplexity(?:\.ai)?\b|claude\.ai|gemini\b)",
        r"utm_source=(?:chatgpt|openai|copilot|perplexity|claude|gemini)",
    ),
    _phrase(
        "content-reference",
        "certain",
        WIKIPEDIA,
        ("contentreference",),
        r":?contentreference\[oaicite:[0-9]{1,4}\](?:\{index=[0-9]{1,4}\})?",
    ),
    _phrase(
        "oai-citation",
        "certain",
        WIKIPEDIA,
        ("oai_citation", "oai-citation", "oaicite"),
        r"\[?(?:oai[_-]citation|oaicite):[0-9]{1,4}",
    ),
    _phrase(
        "citation-turn",
        "certain",
        WIKIPEDIA,
        ("search", "news", "view", "image", "file", "academia", "forecast", "fetch"),
        r"\bturn[0-9]{1,3}(?:search|news|view|image|file|academia|forecast|fetch)[0-9]{1,3}\b",
        r"turn[0-9]{1,3}[a-z]",
    ),
    _phrase(
        "citation-turn-run",
        "certain",
        WIKIPEDIA,
        ("turn",),
        "\\b(?:cite|navlist|filecite)[\ue200-\ue2ff]?turn[0-9]{1,3}[a-z]{3,9}[0-9]{1,3}",
        r"turn[0-9]{1,3}[a-z]",
    ),
    _phrase(
        "source-bracket",
        "certain",
        WIKIPEDIA,
        ("\u2020",),
        "\u3010[0-9]{1,3}(?::[0-9]{1,3})?\u2020[^\u3010\u3011\\n]{1,60}\u3011",
    ),
    _phrase("grok-card", "certain", WIKIPEDIA, ("grok",), r"\bgrok_(?:card|render_citation_card_json)\b|<grok:(?:render|card)"),
    _phrase("attributable", "certain", WIKIPEDIA, ("attributableindex",), r"\"?attribution\"?: ?\{\"?attributableindex\"?:"),
    _phrase("chatml", "certain", FORMATS, ("im_",), r"<\|im_(?:start|end|sep)\|>"),
    _phrase(
        "llama-token",
        "certain",
        FORMATS,
        ("begin_of_text", "header_id", "eot_id", "end_of_text"),
        r"<\|(?:begin_of_text|start_header_id|end_header_id|eot_id|end_of_text)\|>",
    ),
    _phrase("end-of-text", "certain", FORMATS, ("endoftext", "endofprompt"), r"<\|endof(?:text|prompt)\|>"),
    _phrase("gemma-turn", "certain", FORMATS, ("_of_turn>",), r"<(?:start|end)_of_turn>"),
    _phrase("role-token", "certain", FORMATS, ("<|user", "<|assistant", "<|system"), r"<\|(?:user|assistant|system)\|>"),
    _phrase("instruction-token", "certain", FORMATS, ("inst]", "sys>>"), r"\[/?inst\]|<</?sys>>"),
    _phrase(
        "instruction-response",
        "certain",
        FORMATS,
        ("### response", "###response"),
        r"(?:^|\n)### ?instruction: ?[^\n]{0,2000}\n[^#]{0,2000}### ?response:",
        r"### ?response:",
    ),
    _phrase(
        "role-markers",
        "certain",
        FORMATS,
        ("assistant:", "assistant*", "ai:", "ai*", "gpt"),
        r"(?:^|\n)\*{0,2}(?:user|human|prompt|you)\*{0,2}:\*{0,2} [^\n]{1,2000}\n{1,3}\*{0,2}(?:assistant|ai|chatgpt|gpt-?[0-9][a-z0-9.]{0,4})\*{0,2}:\*{0,2} ",
        r"\n\*{0,2}(?:assistant|ai|chatgpt|gpt-?[0-9][a-z0-9.]{0,4})\*{0,2}:",
    ),
    _phrase("thinking", "certain", FORMATS, ("</think>", "</thinking>"), r"</think(?:ing)?>"),
    _phrase(
        "thought-for", "certain", INTERFACE, ("thought for",), r"(?:^|\n)thought for [0-9]{1,3} ?(?:s|seconds?|minutes?)\n"
    ),
)
"""Marks that come from chat programs alone. In a code block or a quotation they are spoken of."""

WEAK: Final = (
    _phrase("utm-mention", "weak", WIKIPEDIA, ("utm_source=",), r"\butm_source=(?:chatgpt|openai|copilot|perplexity|claude)"),
    _phrase("oaicite-mention", "weak", WIKIPEDIA, ("oaicite",), r"\boaicite\b"),
    _phrase("copy-code", "weak", INTERFACE, ("copy code", "copy edit"), r"(?:^|\n)(?:[a-z+#]{1,12}\n)?copy (?:code|edit)\n"),
    _phrase(
        "bold-list", "weak", WIKIPEDIA, ("**",), "(?:^|\\n)(?:[0-9]{1,2}\\.|[-*\u2022]) \\*\\*[^*\\n]{2,60}(?::\\*\\*|\\*\\*:)"
    ),
    _phrase(
        "markdown-heading",
        "weak",
        WIKIPEDIA,
        ("## ",),
        r"(?:^|\n)#{2,4} (?:\*\*)?(?:introduction|conclusion|overview|key (?:points|takeaways|features)|summary)\b",
    ),
)
"""Marks that people leave too."""
