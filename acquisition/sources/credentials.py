"""Where credentials are: the clients' own places, looked at only through the environment that the context gives.

Nothing here asks a server. A credential that is found is kept together with the place it came from, so that an error can
say which one was rejected; when none is found, an error can name every place that was looked at.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from acquisition.errors import AcquisitionError, CredentialsMissing, CredentialsRejected
from acquisition.network import literal_address
from acquisition.settings import AuthSettings

_LARGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Credential:
    """An Authorization header, or "" when none was found; `found` is its place, `looked` every place that was looked at."""

    header: str = field(default="", repr=False)
    found: str = ""
    looked: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """The request headers that carry it; empty when there is none."""
        return {"Authorization": self.header} if self.header else {}

    def refused(self, error: AcquisitionError, *, hint: str) -> AcquisitionError:
        """Return a 401 as what it means here: no credential was found, or the one that was found is not accepted."""
        if not self.header:
            missing = CredentialsMissing(
                f"{error.message} (no credential found; looked at {', '.join(self.looked)})", where=error.where, hint=hint
            )
            return with_answer(missing, error)
        rejected = CredentialsRejected(f"{error.message} (the credential came from {self.found})", where=error.where, hint=hint)
        return with_answer(rejected, error)


def with_answer(error: AcquisitionError, cause: AcquisitionError) -> AcquisitionError:
    """Return `error` with the status and the server's words of `cause`."""
    error.status, error.said = cause.status, cause.said
    return error


def lent(found: Credential, *, auth: AuthSettings | None, base_url: str | None, own: str) -> Credential:
    """Return the credential if it may go to the host that is asked: the service's own, this machine, or a declared one.

    A token that merely lies in the environment is not sent to another host because a declaration (perhaps somebody
    else's) names it in `base_url`; with `auth` the declaration says that it is meant.
    """
    host = (urlsplit(base_url).hostname or "").lower() if base_url else own
    literal = literal_address(host)
    at_home = host == own or host.endswith(f".{own}") or (literal is not None and literal.is_loopback)
    if auth or at_home or not found.header:
        return found
    return Credential(looked=(f"auth (what {found.found} holds is not sent to {host} unless `auth` says so)",))


def home(environment: Mapping[str, str]) -> Path | None:
    """Return the user's home folder, None when the environment names none."""
    return Path(environment["HOME"]) if environment.get("HOME") else None


def bearer(auth: AuthSettings | None, names: Sequence[str], environment: Mapping[str, str]) -> Credential:
    """Return a bearer token from the declared variable alone, or else from the first of `names` that is set."""
    looked = (auth.env,) if auth else tuple(names)
    for name in looked:
        if value := environment.get(name, "").strip():
            return _token(value, name, looked)
    return Credential(looked=looked)


def _token(value: str, place: str, looked: Sequence[str]) -> Credential:
    """Return a bearer token; CredentialsRejected when it cannot be one, without repeating it."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsRejected(
            f"what {place} holds is not a token: it has spaces, line breaks or characters outside ASCII",
            hint=f"Set {place} to the token alone.",
        )
    return Credential(f"Bearer {value}", place, tuple(looked))


def huggingface(auth: AuthSettings | None, environment: Mapping[str, str]) -> Credential:
    """Return the Hub token: `auth.env`, or else HF_TOKEN, then the token file of `hf auth login`.

    Tokens that need a network to be had (OIDC, refreshed OAuth) are not asked for; HF_HUB_DISABLE_IMPLICIT_TOKEN is obeyed.
    """
    found = bearer(auth, ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), environment)
    if auth or found.header:
        return found
    if environment.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in {"1", "TRUE", "YES", "ON"}:
        return found
    path = _hub_token_path(environment)
    token = _read(path)
    looked = (*found.looked, str(path) if path else "the token file")
    return _token(token, str(path), looked) if token else Credential(looked=looked)


def _hub_token_path(environment: Mapping[str, str]) -> Path | None:
    if path := environment.get("HF_TOKEN_PATH"):
        return Path(path)
    if folder := environment.get("HF_HOME"):
        return Path(folder) / "token"
    if cache := environment.get("XDG_CACHE_HOME"):
        return Path(cache) / "huggingface" / "token"
    at_home = home(environment)
    return at_home / ".cache" / "huggingface" / "token" if at_home else None


def kaggle(auth: AuthSettings | None, environment: Mapping[str, str]) -> Credential:
    """Return Kaggle's credential by the rules of its clients: an access token first, then user name and key.

    Access token (sent as Bearer): `auth.env` alone if declared, else KAGGLE_API_TOKEN, each a value or the path of a file
    that holds it; then access_token and access_token.txt in ~/.kaggle. User name and key (sent as Basic): KAGGLE_USERNAME
    with KAGGLE_KEY, then kaggle.json in KAGGLE_CONFIG_DIR, ~/.kaggle or the XDG configuration folder.
    """
    if auth:
        value = _value_or_file(environment.get(auth.env, ""), environment)
        return _token(value, auth.env, (auth.env,)) if value else Credential(looked=(auth.env,))
    looked = ["KAGGLE_API_TOKEN"]
    if value := _value_or_file(environment.get("KAGGLE_API_TOKEN", ""), environment):
        return _token(value, "KAGGLE_API_TOKEN", looked)
    at_home = home(environment)
    for name in ("access_token", "access_token.txt"):
        looked.append(f"~/.kaggle/{name}")
        if at_home and (value := _read(at_home / ".kaggle" / name)):
            return _token(value, looked[-1], looked)
    return _kaggle_user_and_key(environment, looked)


def _kaggle_user_and_key(environment: Mapping[str, str], looked: list[str]) -> Credential:
    looked.append("KAGGLE_USERNAME with KAGGLE_KEY")
    user, key = environment.get("KAGGLE_USERNAME", "").strip(), environment.get("KAGGLE_KEY", "").strip()
    if user and key:
        return Credential(_basic(user, key), looked[-1], tuple(looked))
    for shown, folder in _kaggle_folders(environment):
        looked.append(f"{shown}/kaggle.json")
        if pair := _user_and_key(folder / "kaggle.json"):
            return Credential(_basic(*pair), looked[-1], tuple(looked))
    return Credential(looked=tuple(looked))


def _kaggle_folders(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    if folder := environment.get("KAGGLE_CONFIG_DIR"):
        return [("$KAGGLE_CONFIG_DIR", Path(folder))]
    at_home = home(environment)
    folders = [("~/.kaggle", at_home / ".kaggle")] if at_home else []
    if configuration := environment.get("XDG_CONFIG_HOME"):
        return [*folders, ("$XDG_CONFIG_HOME/kaggle", Path(configuration) / "kaggle")]
    return [*folders, ("~/.config/kaggle", at_home / ".config" / "kaggle")] if at_home else folders


def _user_and_key(path: Path) -> tuple[str, str] | None:
    try:
        value = orjson.loads(_read(path))
    except ValueError:
        return None
    pair = (value.get("username"), value.get("key")) if isinstance(value, dict) else (None, None)
    return (pair[0], pair[1]) if isinstance(pair[0], str) and isinstance(pair[1], str) and all(pair) else None


def _basic(user: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def _value_or_file(value: str, environment: Mapping[str, str]) -> str:
    """Return a variable's value, or what the file holds that it names."""
    value = value.strip()
    at_home = home(environment)
    path = at_home / value[2:] if at_home and value.startswith("~/") else Path(value)
    try:
        return _read(path) if value and path.is_file() else value
    except (OSError, ValueError):
        return value  # too long, or not writable as a path: it is the token itself


def _read(path: Path | None) -> str:
    """Return a small text file without the space around it, "" when it is not there, not readable or not small."""
    try:
        if path is None or path.stat().st_size > _LARGEST:
            return ""
        text = path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return text


def missing(credential: Credential, *, what: str, where: str, hint: str = "") -> CredentialsMissing:
    """Return the error for a credential that is needed and was found nowhere."""
    looked = ", ".join(credential.looked)
    return CredentialsMissing(
        f"{what}, and no credential was found; looked at {looked}", where=where, hint=hint or f"Set {looked}."
    )
