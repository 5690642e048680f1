"""From what a settings model objects to, to a problem that a person can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from acquisition.declare.document import Fault, Node, Place
from acquisition.declare.models import choices_at, expands_at, fields_of, is_free_at, models_at
from acquisition.declare.nearest import did_you_mean, listed, nearest

Path: TypeAlias = tuple[str | int, ...]

_SECRET_KEY: Final = re.compile(r"(?:^|_)(?:token|password|passwd|secret|api_?key|access_?key|credentials?|private_?key)$")
_SECRET_VALUE: Final = re.compile(
    r"(?:hf_[A-Za-z0-9]{20,}|KGAT_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|[0-9a-f]{32,})"
)
_PASSWORDS: Final = (
    re.compile(r"^([a-z][a-z0-9+.-]*)://[^/?#@:]*:([^/?#@]+)@", re.IGNORECASE),
    re.compile(r"^([a-z][a-z0-9+.-]*)://[^?#]*\?(?:[^#]*&)?(?:ssl)?passw(?:or)?d=([^&#]+)", re.IGNORECASE),
)
"""An address's scheme and the password in it: before its host, or in its query, as PostgreSQL takes it."""
_VARIABLE: Final = re.compile(r"\$\{\w+\}", re.ASCII)
_NO_SECRETS: Final = "Put the secret into an environment variable and write `auth: {env: NAME_OF_IT}`."
_NO_PASSWORDS: Final = f"{_NO_SECRETS} In `frontier`, write `${{NAME_OF_IT}}` where the password stands."
_KEY: Final = "Set it to a long random text and keep it: the same key gives the same pseudonyms. Or use mode: placeholder."
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text", "int_type": "a whole number", "int_from_float": "a whole number", "int_parsing": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "bool_parsing": "true or false", "tuple_type": "a list",
    "list_type": "a list", "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
    "none_required": "nothing",
}  # fmt: skip


def validated(
    model: type[BaseModel], node: Node, path: Path, environment: Mapping[str, str], faults: list[Fault]
) -> BaseModel | None:
    """Return the model of a node, None after adding to `faults` all that is wrong with it.

    `path` is where the node stands; it is only told, never followed. JSON is the way in, because a strict model then takes
    a list where it means a tuple and still refuses "1" where it means 1.
    """
    found = [*_stray_variables(model, node), *_secrets(model, node)]
    try:
        made = model.model_validate_json(json.dumps(node.plain()), context={"environment": environment})
    except ValidationError as error:
        found += _from_errors(model, node, path, error)
        made = None
    faults += found
    return None if found else made


def _stray_variables(model: type[BaseModel], node: Node) -> Iterator[Fault]:
    """Find `${NAME}` in texts that are not expanded."""
    for path, child in node.walk():
        if isinstance(child.scalar, str) and "${" in child.scalar and not expands_at(model, path):
            yield Fault(
                "variable-not-allowed",
                f"`${{…}}` is not expanded here: {child.scalar[:80]!r}",
                child.place,
                "It is expanded in paths and in base_url only; secrets are named with `auth: {env: NAME}`.",
            )


def _secrets(model: type[BaseModel], node: Node) -> Iterator[Fault]:
    """Find credentials in the file: keys that no model knows and that are called so, and texts that look so."""
    for path, child in node.walk():
        for key, (place, _) in child.entries.items():
            if _SECRET_KEY.search(key.casefold().replace("-", "_")) and not _is_known(model, path, key):
                yield Fault(
                    "secret-in-file", f"`{key}` looks like a secret; secrets are never in this file", place, _NO_SECRETS
                )
        if not isinstance(child.scalar, str):
            continue
        if _has_password(child.scalar):
            yield Fault(
                "secret-in-file", "this address contains a password; secrets are never in this file", child.place, _NO_PASSWORDS
            )
        elif path[-2:] == ("auth", "env") and _SECRET_VALUE.fullmatch(child.scalar):
            yield _secret("this looks like the credential itself, not like the name of an environment variable", child.place)


def _has_password(text: str) -> bool:
    """Say whether an address holds a password. A database's may be a variable; in a web address it would go with every link."""
    found = [match for pattern in _PASSWORDS if (match := pattern.match(unquote(text)))]
    return any(match[1].lower() in {"http", "https"} or not _VARIABLE.fullmatch(match[2]) for match in found)


def _secret(message: str, place: Place) -> Fault:
    return Fault("secret-in-file", message, place, _NO_SECRETS)


def _is_known(model: type[BaseModel], path: Path, key: str) -> bool:
    return is_free_at(model, path) or any(key in fields_of(here) for here in models_at(model, path))


def _from_errors(model: type[BaseModel], node: Node, path: Path, error: ValidationError) -> Iterator[Fault]:
    """Yield one fault per place: of several alternatives that a value could have been, the one that was meant."""
    by_place: dict[Path, list[Mapping[str, Any]]] = {}
    for entry in error.errors(include_url=False, include_input=False):
        by_place.setdefault(node.follow(entry["loc"])[0], []).append(entry)
    meant = [at for at in by_place if any(len(other) > len(at) and other[: len(at)] == at for other in by_place)]
    for at, entries in by_place.items():
        kept = [entry for entry in entries if entry["type"] not in _EXPECTED] if at in meant else entries
        yield from _faults_at(model, node, (path, at), kept)


def _faults_at(
    model: type[BaseModel], node: Node, where: tuple[Path, Path], entries: Sequence[Mapping[str, Any]]
) -> Iterator[Fault]:
    outer, at = where
    _, here, key_place = node.follow(at)
    name = _name((*outer, *at))
    types = [entry for entry in entries if entry["type"] in _EXPECTED or entry["type"] == "literal_error"]
    others = [entry for entry in entries if entry not in types]
    for entry in others:
        fault = _special(model, (outer, at), entry, here, key_place)
        if fault is not None:
            yield fault
    if types and not any(entry["type"] != "missing" for entry in others):
        yield _wrong_type(model, at, types, here, name)


def _special(
    model: type[BaseModel], where: tuple[Path, Path], entry: Mapping[str, Any], here: Node, key_place: Place
) -> Fault | None:
    outer, at = where
    name, kind = _name((*outer, *at)), entry["type"]
    if kind == "extra_forbidden":
        return _unknown_key(model, at, key_place)
    if kind == "missing":
        key = str(entry["loc"][-1])
        known = f"`{key}` is missing{f' in `{name}`' if name else ''}"
        return Fault("missing-key", known, key_place, _about(model, (*at, key)))
    message = str(entry.get("ctx", {}).get("error") or entry["msg"])
    if "environment variable" in message:
        hint = _KEY if name == "curated.redact" else "Set it, or write the value itself."
        return Fault("missing-variable", f"{message} (in `{name}`)", here.place, hint)
    return Fault("wrong-value", f"`{name}`: {_said(entry, message, here)}", here.place, _about(model, at))


def _said(entry: Mapping[str, Any], message: str, here: Node) -> str:
    if entry["type"] == "string_pattern_mismatch":
        return f"{_shown(here)} does not have the form that is accepted: {entry['ctx']['pattern']}"
    return message.replace("Input should", "it should")


def _wrong_type(model: type[BaseModel], at: Path, entries: Sequence[Mapping[str, Any]], here: Node, name: str) -> Fault:
    expected = list(dict.fromkeys(_EXPECTED[entry["type"]] for entry in entries if entry["type"] in _EXPECTED))
    choices = choices_at(model, at) if any(entry["type"] == "literal_error" for entry in entries) else ()
    if choices:
        expected.append(f"one of: {', '.join(choice.lower() if choice == 'False' else choice for choice in choices)}")
    hint = did_you_mean(here.text, choices) if choices and here.kind == "scalar" else ""
    code = "wrong-value" if choices and isinstance(here.scalar, str) else "wrong-type"
    message = f"`{name}` should be {' or '.join(expected)}, not {_shown(here)}"
    return Fault(code, message, here.place, hint or _remedy(here, expected))


def _remedy(here: Node, expected: Iterable[str]) -> str:
    """Return what to write instead, where the value shows what was meant."""
    words = set(expected)
    if here.kind == "scalar" and isinstance(here.scalar, (int, float)) and "a text" in words:
        return f'Write "{here.text}" in quotes to have it as a text.'
    if here.kind == "scalar" and "true or false" in words and here.text.casefold() in {"yes", "no", "on", "off", "y", "n"}:
        return f"Write {'true' if here.text.casefold() in {'yes', 'on', 'y'} else 'false'}; {here.text} is a text in YAML 1.2."
    if here.kind == "scalar" and "a list" in words and here.scalar is not None:
        return f"Write [{here.text}]."
    if here.kind == "scalar" and "a whole number" in words and here.text.strip().isdecimal():
        return f"Write {here.text.strip()} without quotes."
    return ""


def _shown(here: Node) -> str:
    if here.kind != "scalar":
        return "a list" if here.kind == "list" else "a mapping"
    if here.scalar is None:
        return "nothing"
    kind = {bool: "", int: "the number ", float: "the number ", str: "the text "}[type(here.scalar)]
    return f"{kind}{here.text[:80]!r}" if isinstance(here.scalar, str) else f"{kind}{here.text[:80]}"


def _unknown_key(model: type[BaseModel], at: Path, place: Place) -> Fault | None:
    key, parent = str(at[-1]), at[:-1]
    if _SECRET_KEY.search(key.casefold().replace("-", "_")):
        return None  # told as a secret
    models = models_at(model, parent)
    known = [name for here in models for name in fields_of(here)]
    deeper = [f"{name}.{key}" for here in models for name, info in fields_of(here).items() if _holds(here, name, key)]
    if nearest(key, known):
        hint = did_you_mean(key, known)
    elif deeper:
        hint = f"It belongs one level deeper: `{deeper[0]}`."
    elif key in fields_of(model):
        hint = f"It belongs {len(parent)} level{'s' if len(parent) > 1 else ''} further out, beside `{parent[0]}`."
    else:
        hint = ""
    return Fault("unknown-key", f"unknown key `{key}`; known here are: {listed(known)}", place, hint)


def _holds(model: type[BaseModel], name: str, key: str) -> bool:
    return any(key in fields_of(inner) for inner in models_at(model, (name,)))


def _about(model: type[BaseModel], at: Path) -> str:
    """Return what the models say of a key, as a hint."""
    for parent in models_at(model, at[:-1]) if at else ():
        info = fields_of(parent).get(str(at[-1]))
        if info is not None and info.description:
            return " ".join(info.description.split())
    return ""


def _name(path: Path) -> str:
    """Return a path as people write it: `items.label.rename`, `policy[2].flag`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".")
