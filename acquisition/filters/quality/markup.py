"""Residue of markup in texts that should be plain: tags, entities, scripts and styles, JSON, wiki markup, LaTeX.

Whole documents of code and of markup (by media type and name) are what they are and are not judged; what stands between
backticks is quoted and not counted.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.quality.damage import windows

_TAGS: Final = (
    "a|abbr|article|aside|b|blockquote|body|br|button|caption|center|code|col|colgroup|dd|del|details|div|dl|dt|em|embed|fieldset"
    "|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|legend|li|link|main|meta|nav"
    "|noscript|object|ol|option|p|param|picture|pre|s|script|section|select|small|source|span|strike|strong|style|sub|summary|sup"
    "|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|video|path|ref|math|nowiki"
)
RULES: Final = {
    "HTML tags": rf"(?i)</?(?:{_TAGS})(?:\s[^<>]{{0,2000}})?/?>|</[a-z][\w:.-]{{0,60}}>|<\?xml\s"
    r"|<!--|<!doctype\s+html|<!\[CDATA\[",
    "HTML entities": r"&(?:[a-zA-Z]{2,8}[0-9]{0,2}|#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,5});",
    "scripts": r"\bfunction\s*\w{0,40}\s*\([^()\n]{0,200}\)\s*\{|\bdocument\.(?:getElement|write|cookie|querySelector)"
    r"|\bwindow\.\w+\s*[=(]"
    r"|\$\(document\)|\bvar\s+\w{1,40}\s*=[^\n]{0,200};|=>\s*\{|\bconsole\.log\(",
    "styles": r"[.#]?[\w-]{1,60}\s*\{\s*(?:[a-z-]{2,40}\s*:\s*[^{};\n]{1,120};\s*){1,60}\}?|@media\s*[\w (]|!important",
    "JSON": r'"[\w@$.-]{1,60}"\s*:\s*(?:"|\{|\[|-?\d|true\b|false\b|null\b)',
    "wiki markup": r"\[\[(?:[^\[\]\n]{1,200})\]\]|\{\{[^{}\n]{1,400}\}\}"
    r"|(?:^|\n)={2,6}[^=\n]{1,100}={2,6}[ \t]*(?:\n|$)|\{\||'''[^'\n]{1,200}'''|&lt;ref",
    "LaTeX": r"\\(?:begin|end|documentclass|usepackage|section|subsection|cite|ref|label|textbf|textit|emph|frac"
    r"|includegraphics|item|caption|maketitle|footnote|url|href|mathbb|mathbf|left|right|sum|int|alpha|beta|gamma|lambda)\b",
    "BBCode": r"(?i)\[/?(?:b|i|u|url|img|quote|code|color|size|list)(?:=[^\]\n]{1,200})?\]",
    "escapes": r"\\u[0-9a-fA-F]{4}|\\[nrt](?:\\[nrt]|[A-Z])|\\x[0-9a-fA-F]{2}",
    "Markdown links": r"!?\[[^\[\]\n]{0,200}\]\(\s*(?:https?:|/|#|www\.)[^()\s]{0,500}\)",
}
_SIGNS: Final = {
    "HTML tags": ("<",),
    "HTML entities": ("&",),
    "scripts": ("function", "document.", "window.", "$(", "var ", "=> {", "console."),
    "styles": ("{", "@media", "!important"),
    "JSON": ('":', '" :'),
    "wiki markup": ("[[", "{{", "==", "{|", "'''"),
    "LaTeX": ("\\",),
    "BBCode": ("[",),
    "escapes": ("\\",),
    "Markdown links": ("](",),
}
"""What must stand in a text for a rule to fit at all."""
_GATE: Final = "[<&{\\[\\\\@!]|\" ?:|==|'''|\\$\\(|=> \\{|var |function|document\\.|window\\.|console\\."
_COMPILED: Final = {rule: re.compile(pattern) for rule, pattern in RULES.items()}
_LEAST: Final = {"HTML tags": 1, "HTML entities": 1, "LaTeX": 3, "JSON": 3, "Markdown links": 3, "escapes": 2, "BBCode": 2}
"""How often a rule must fit before it counts; once for what prose never holds, twice or more for what it may."""
_QUOTED: Final = re.compile(r"```.{0,20000}?```|`[^`\n]{1,200}`", re.DOTALL)
_MARKED: Final = re.compile(
    r"(?i)\.(?:html?|xml|md|markdown|rst|tex|json|jsonl|css|js|ts|py|c|h|cc|cpp|java|go|rs|sh|wiki|svg|ya?ml|toml)$"
)
_MARKED_TYPES: Final = ("text/html", "text/markdown", "text/x-", "application/json", "application/xml", "text/css", "text/xml")


def flag_markup(texts: pa.Array, samples: np.ndarray, flags: FlagRows) -> None:
    """Flag `quality.markup` for every sample that holds markup; the score is ten times its share of the characters."""
    found = pc.match_substring_regex(texts, _GATE).fill_null(False).to_numpy(zero_copy_only=False) & samples
    for row in np.flatnonzero(found).tolist():
        text = texts[row].as_py()
        rules = [rule for rule, signs in _SIGNS.items() if any(sign in text for sign in signs)]
        if rules:
            _flag(row, text, rules, flags)


def marked(items: pa.RecordBatch) -> np.ndarray:
    """Return a mask of items that are documents of code or markup, by media type and by the name of their file."""
    types, members = items.column("media_type"), items.column("member")
    mask = np.zeros(items.num_rows, bool)
    for prefix in _MARKED_TYPES:
        mask |= pc.starts_with(types, prefix).fill_null(False).to_numpy(zero_copy_only=False)
    names = pc.if_else(pc.equal(members, ""), items.column("locator"), members)
    mask |= pc.match_substring_regex(names, _MARKED.pattern).fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _flag(row: int, text: str, rules: list[str], flags: FlagRows) -> None:
    found: dict[str, int] = {}
    chars = looked = 0
    for window in windows(text):
        plain = _QUOTED.sub(" ", window)
        looked += len(window)
        for rule in rules:
            matches = [match.end() - match.start() for match in _COMPILED[rule].finditer(plain)]
            found[rule] = found.get(rule, 0) + len(matches)
            chars += sum(matches)
    kept = {rule: count for rule, count in found.items() if count >= _LEAST.get(rule, 1)}
    if kept:
        score = min(1.0, 10 * chars / max(1, looked))
        detail = detail_json(found=kept, share=round(chars / looked, 4))
        flags.add(row, "quality.markup", score=score, field="text", detail=detail)
