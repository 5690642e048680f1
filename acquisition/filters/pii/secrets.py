"""Keys and tokens: forms that their issuers made to be recognised, and assignments of words such as password."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

import regex

FORMS: Final = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|glpat-[A-Za-z0-9_-]{20}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{20}|xapp-1-[A-Za-z0-9-]{20}|hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20}"
    r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20}|GOCSPX-[0-9A-Za-z_-]{28}"
    r"|[sr]k_(?:live|test)_[0-9A-Za-z]{20}|sk-(?:proj-|ant-[a-z0-9]{3,8}-)?[A-Za-z0-9_-]{32}|hf_[A-Za-z0-9]{34}"
    r"|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50}|dop_v1_[0-9a-f]{64}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|(?:EAAC|EAAG|EAAB)[0-9A-Za-z]{60}|AC[0-9a-f]{32}|key-[0-9a-f]{32}"
    r"|eyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,1000}|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"
    r"|AccountKey=[A-Za-z0-9+/]{86}==|-----BEGIN (?:RSA |EC |OPENSSH |DSA |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----"
)
"""Access tokens of AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI, Anthropic, Hugging Face, SendGrid, npm, PyPI,
DigitalOcean, Shopify, Meta, Twilio, Mailgun, Telegram, Azure, JSON web tokens (RFC 7519), and private keys (RFC 7468)."""

FORM: Final = rf"(?<![A-Za-z0-9])(?:{FORMS})[A-Za-z0-9_-]{{0,200}}"
ASSIGNMENT: Final = (
    r"(?i:pass(?:word|wd|phrase)?|pwd|secret(?:[_ -]?key)?|api[_ -]?key|access[_ -]?(?:key|token)|auth[_ -]?token"
    r"|client[_ -]?secret)"
    r"[\"']{0,1} ?(?:=|:|=>) ?[\"'][^\s\"']{8,120}[\"']"
)
"""A quoted value given to a name that says it is secret."""
_NAME: Final = (
    r"(?i:(?<![A-Za-z])pass|pass(?:wor[dt]|wd|phrase|code)|pwd|kennwort|contrase[\u00f1n]a|mot de passe|senha|wachtwoord"
    r"|secret(?:[_ -]?key)?|api[_ -]?key|access[_ -]?(?:key|token)|auth[_ -]?token|client[_ -]?secret)"
)
_BARE: Final = r"[^\s\"'`<>,;]{6,120}"
BARE_ASSIGNMENTS: Final = (
    rf"{_NAME}[\"'`]?[ \t]{{0,2}}(?:=>|:=|=|:)[ \t]{{0,2}}`?{_BARE}",
    rf"(?i:(?<![A-Za-z])(?:passwor[dt]|passwd|pwd|passcode) (?:is|was|ist|est|es)[ :]{{1,2}}`?){_BARE}",
    rf"(?<![A-Za-z])(?i:passwd|pwd) {_BARE}",
)
"""A value without quotes: behind a sign that assigns, behind "password is", or right behind the short words of consoles."""
_BARE_VALUE: Final = regex.compile("|".join(form.replace(_BARE, f"({_BARE})") for form in BARE_ASSIGNMENTS))
IN_ADDRESS: Final = r"://[\w.%+-]{0,64}:[^\s:/@\"'<>]{6,120}@(?=[\w\[])"
"""Account and password in front of the host of an address (RFC 3986, 3.2.1)."""
_SPOKEN: Final = regex.compile(r"(?i)(?:passwd|pwd) ")
_KEYED: Final = regex.compile(r"(?i)[\w .-]*(?:secret|key|token)[^a-z]")
_VALUE: Final = regex.compile(r"[\"']([^\s\"']{8,120})[\"']\Z")
_STAND_IN: Final = regex.compile(
    r"(?i)^(?:\$|\{|<|%|x{4}|\*{3}|your|change|example|redacted|env|process|os\.|none|null|placeholder|test|dummy)|\}\}?\Z"
)
_CODE: Final = regex.compile(
    r"[A-Za-z_]\w*(?:[.:]+[A-Za-z_]\w*)*[(\[]|[a-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+\Z|[A-Za-z_]*_(?:pass|password|passwd|pwd|key)\d*\Z"
)
"""A call, an index, an attribute, a variable: where a program reads the secret from."""
_PLACE: Final = regex.compile(r"(?:[/~\\.]|[A-Za-z]:[\\/]|[a-z]+://|--?[A-Za-z])")
"""A path, an address, or an option: what "pwd" prints and forms link to."""
_LEAST_ENTROPY: Final = 3.0
_LEAST_ENTROPY_BARE: Final = 2.2
_LONG_KEY: Final = 16


def secret_value(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the place of an assigned value that is no stand-in: 3 bits of entropy a character or more, not only letters."""
    match = _VALUE.search(text, start, end)
    if match is None or _STAND_IN.search(match[1]) or match[1].isalpha():
        return None
    return match.span(1) if _entropy(match[1]) >= _LEAST_ENTROPY else None


def bare_secret_value(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the place of a value that is assigned without quotes, where nothing but a secret looks like that.

    It holds letters and digits (behind a mere space also a capital or a sign), varies, and is no stand-in, place or expression
    of a program; a key has sixteen characters. So a password of letters alone is missed, and "password: see" is none.
    """
    match = _BARE_VALUE.fullmatch(text, start, end)
    if match is None:
        return None
    first = match.start(match.lastindex or 0)
    value = text[first:end].rstrip(".:)]}|*")
    if text[max(0, start - 1) : start] in ("?", "&"):
        value = value.split("&", 1)[0]
    if len(value) < 6 or not (any(map(str.isalpha, value)) and any(map(str.isdigit, value))):
        return None
    if _STAND_IN.search(value) or _CODE.match(value) or _PLACE.match(value) or _entropy(value) < _LEAST_ENTROPY_BARE:
        return None
    if _KEYED.match(text, start, first) and len(value) < _LONG_KEY:
        return None
    if _SPOKEN.match(text, start) and not any(one.isupper() or not one.isalnum() for one in value):
        return None
    return first, first + len(value)


def address_secret_value(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the place of a password in an address, where it holds letters and digits and is no stand-in."""
    account, _, value = text[start + len("://") : end - 1].partition(":")
    if value == account or _STAND_IN.search(value) or _entropy(value) < _LEAST_ENTROPY_BARE:
        return None
    if not (any(map(str.isalpha, value)) and any(map(str.isdigit, value))):
        return None
    return end - 1 - len(value), end - 1


def _entropy(value: str) -> float:
    """Return the bits of entropy of a character, by how often each stands in the value."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
