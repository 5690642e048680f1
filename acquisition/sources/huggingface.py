"""Data sets on the Hugging Face Hub, pinned to a commit. HfApi answers for identity and metadata; the downloader moves bytes.

Bytes come over plain HTTP from /resolve/<commit>/<path>, never through Xet: the Hub gives sha256 (LFS and Xet files) or the
git blob id (small files) for each, and the downloader checks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote

from pydantic import Field, field_validator

from acquisition.api import refusal_of
from acquisition.errors import (
    AcquisitionError,
    NotInLock,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    SourceUnavailable,
    TermsNeeded,
)
from acquisition.model import Asset, Digest, LicenseClaim, Location, Release, Terms
from acquisition.protocols import Answer, ResolveContext, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.sources import credentials
from acquisition.sources.evidence import evidence, size_of, text_of, texts_of
from acquisition.sources.paths import checked_path

HUB: Final = "https://huggingface.co"
PLAIN_HTTP_LIMIT: Final = 50_000_000_000
"""Bytes: above this huggingface_hub itself refuses plain HTTP (hubs.md 2.4); whether the Hub does is not known."""
_MOST_FILES: Final = 2_000_000
_COMMIT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REPO: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?", re.ASCII)
_BAD_TOKEN: Final = re.compile(r"invalid (?:credentials|username|user|access|token)|token.{0,20}expired", re.IGNORECASE)


class HuggingFaceSettings(SourceSettings):
    """A data set on the Hugging Face Hub. Public ones need no credential."""

    kind: Literal["huggingface"] = "huggingface"
    repo: str = Field(examples=["owner/name"])
    """owner/name, as in the page's address."""
    revision: str = Field(default="main", min_length=1, max_length=200)
    """A branch, a tag or a commit. sources.lock keeps the commit that it meant when first planned."""

    @field_validator("repo")
    @classmethod
    def _is_a_repo(cls, repo: str) -> str:
        bare = repo.removeprefix(f"{HUB}/").removeprefix("datasets/").rstrip("/")
        if not _REPO.fullmatch(bare) or ".." in bare:
            raise ValueError(
                f"{repo!r} is not a data set of the Hub; write owner/name, as in huggingface.co/datasets/owner/name"
            )
        return bare


class HuggingFace(SourceAdapter):
    """Resolves a data set of the Hub to a commit."""

    kind: ClassVar[str] = "huggingface"
    Settings: ClassVar[type[SourceSettings]] = HuggingFaceSettings
    title: ClassVar[str] = "a data set on the Hugging Face Hub, pinned to a commit"
    hosts: ClassVar[tuple[str, ...]] = ("huggingface.co",)
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Ask for the data set's card and its tree at one commit (see `SourceAdapter`)."""
        repo = _Repository(source, context)
        revision = _revision(source, repo.settings, context)
        info, tree, gate = repo.look(revision)
        assets = tuple(repo.assets(tree, info.sha))
        card = _card(info)
        claim = _claim(card, info, repo, context)
        tags = texts_of(info.tags)
        return Release(
            source=source.name,
            kind=self.kind,
            revision=info.sha,
            assets=assets,
            license=claim,
            terms=_terms(card, repo, context) if gate else None,
            title=text_of(card.get("pretty_name")) or repo.name,
            authors=texts_of([info.author or repo.name.rpartition("/")[0]]),
            homepage=repo.page,
            citation=text_of(info.citation),
            doi=next((tag.removeprefix("doi:") for tag in tags if tag.startswith("doi:")), ""),
            version_label=f"{repo.settings.revision} ({info.sha[:12]})",
            resolved_at=context.now(),
            notes=tuple(_notes(info, assets, gate)),
            items=_examples(card),
        )

    def fixed(self, source: Source) -> bool:
        """Say whether a commit is declared."""
        assert isinstance(source.settings, HuggingFaceSettings)
        return _COMMIT.fullmatch(source.settings.revision) is not None

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:
        """Return the file's address at the pinned commit; the token goes to the Hub alone, not to where it redirects."""
        repo = _Repository(source, context)
        return Location(repo.url_of(release.revision, asset.path), headers=repo.credential.headers)


class _Repository:
    """One data set's questions, with refusals turned into what they mean on the Hub."""

    def __init__(self, source: Source, context: ResolveContext) -> None:
        assert isinstance(source.settings, HuggingFaceSettings)
        self.settings = source.settings
        self.name = self.settings.repo
        self.endpoint = (self.settings.base_url or HUB).rstrip("/")
        self.page = f"{HUB}/datasets/{self.name}"
        found = credentials.huggingface(self.settings.auth, context.environment)
        auth, base_url = self.settings.auth, self.settings.base_url
        self.credential = credentials.lent(found, auth=auth, base_url=base_url, own="huggingface.co")
        self._context = context
        self._revision = self.settings.revision
        self._gated = False

    def url_of(self, commit: str, path: str) -> str:
        """The address of a file at a commit, at the endpoint that is asked now."""
        return f"{self.endpoint}/datasets/{self.name}/resolve/{commit}/{quote(path)}"

    def look(self, revision: str) -> tuple[Any, list[Any], str]:
        """Return the data set's info, the files of its tree and how it is gated ("" when it is not, or "auto", "manual")."""
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        from acquisition.sources.hub import TIMEOUT, hub

        if constants.is_offline_mode():
            raise SourceUnavailable("HF_HUB_OFFLINE is set, so the Hub is not asked", where=self.page, hint="Unset it.")
        self._revision = revision
        token = self.credential.header.removeprefix("Bearer ")
        agent = self._context.user_agent
        try:
            with hub(self._context.api, self.endpoint, token=token, user_agent=agent) as api:
                info = api.dataset_info(self.name, revision=revision, timeout=TIMEOUT)
                gate = self._gate(api, info)
                return info, self._tree(api, self._commit(info, revision)), gate
        except HFValidationError as error:
            raise SourceNotFound(f"{self.name!r} cannot be the name of a repository: {error}", where=self.page) from error
        except HfHubHTTPError as error:
            raise self._meant(error) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProtocolError(f"the Hub's answer cannot be read: {error!r}", where=self.page) from error

    def _gate(self, api: Any, info: Any) -> str:
        """Say how the data set is gated, after asking whether this credential may pass."""
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

        if info.disabled:
            raise SourceRemoved(f"the Hub has disabled {self.name}", where=self.page)
        self._gated = bool(info.gated)
        if not self._gated:
            return ""
        try:
            api.auth_check(self.name, repo_type="dataset")
        except (GatedRepoError, RepositoryNotFoundError):
            raise
        except HfHubHTTPError as error:
            if error.response.status_code != 404:  # a mirror without this question: the download will tell
                raise
        return str(info.gated)

    def _commit(self, info: Any, revision: str) -> str:
        commit = text_of(info.sha)
        if not _COMMIT.fullmatch(commit):
            raise ProtocolError(f"the Hub gives {info.sha!r} where a commit was promised", where=self.page)
        if _COMMIT.fullmatch(revision) and commit != revision:
            raise ProtocolError(f"the Hub answers for commit {commit} when asked for {revision}", where=self.page)
        return commit

    def _tree(self, api: Any, commit: str) -> list[Any]:
        from huggingface_hub.hf_api import RepoFile

        files: list[Any] = []
        seen = set[str]()
        for entry in api.list_repo_tree(self.name, recursive=True, revision=commit, repo_type="dataset"):
            if entry.path in seen:
                raise ProtocolError(f"the Hub lists {entry.path!r} twice", where=self.page)
            seen.add(entry.path)
            if isinstance(entry, RepoFile):
                files.append(entry)
            if len(files) > _MOST_FILES:
                raise ProtocolError(f"the repository lists more than {_MOST_FILES:,} files", where=self.page)
        return files

    def assets(self, tree: list[Any], commit: str) -> Iterator[Asset]:
        """Yield the files with the Hub's own address of each, whoever mirrors it, and the digest that it gives."""
        for entry in tree:
            path = checked_path(entry.path, where=self.page)
            size = 0 if entry.size == 0 else size_of(entry.size)
            yield Asset(path, f"{self.page}/resolve/{commit}/{quote(path)}", size=size, digests=_digests(entry))

    def _meant(self, error: Any) -> AcquisitionError:
        """Return a refusal as what it means here; the Hub's X-Error-Code decides, not the status alone (hubs.md 2.1)."""
        from huggingface_hub import errors as hub_errors

        cause = self._as_ours(error)
        status, said = cause.status, cause.said
        looked = ", ".join(self.credential.looked)
        who = (
            f"the credential from {self.credential.found}" if self.credential.header else f"no credential (looked at {looked})"
        )
        log_in = f"Open {self.page}, accept its terms, create a token at {HUB}/settings/tokens and set it as HF_TOKEN."
        if isinstance(error, hub_errors.GatedRepoError) or (self._gated and status in {401, 403}):
            if status == 401:
                return self.credential.refused(cause, hint=log_in)
            hint = f"Open {self.page} and accept its terms; some authors then approve by hand."
            return self._new(TermsNeeded, f"{self.name} is gated and {who} may not pass", cause, hint)
        missing = isinstance(error, hub_errors.RepositoryNotFoundError)
        if status == 401 and (not missing or (self.credential.header and _BAD_TOKEN.search(said))):
            return self.credential.refused(cause, hint=log_in)
        if isinstance(error, hub_errors.RevisionNotFoundError):
            return self._new(SourceNotFound, f"{self.name} has no revision {self._revision!r}", cause, "Check `revision`.")
        if isinstance(error, hub_errors.DisabledRepoError) or status == 410:
            return self._new(SourceRemoved, f"the Hub has disabled {self.name}", cause, "")
        if missing or status == 404:
            hint = "Check owner and name; a private data set looks the same as a missing one without its owner's token."
            return self._new(SourceNotFound, f"the Hub shows no {self.name} to {who}", cause, hint)
        kind = SourceForbidden if status in {403, 451} else ProtocolError
        return self._new(kind, f"the Hub refuses {self.name} to {who}", cause, "")

    def _new(self, kind: type[AcquisitionError], what: str, cause: AcquisitionError, hint: str) -> AcquisitionError:
        return credentials.with_answer(kind(f"{what}: {cause.message}", where=self.page, hint=hint), cause)

    def _as_ours(self, error: Any) -> AcquisitionError:
        response = error.response
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content, str(response.url))
        return refusal_of(answer, self.credential.headers)


def _revision(source: Source, settings: HuggingFaceSettings, context: ResolveContext) -> str:
    if context.pin is None:
        return settings.revision
    if _COMMIT.fullmatch(settings.revision) and settings.revision != context.pin.revision:
        raise NotInLock(
            f"commit {settings.revision} is declared and the lock holds {context.pin.revision}",
            where=source.where,
            hint=f"Run `acquire plan --update {source.name}` to see and take the change.",
        )
    return context.pin.revision


def _digests(entry: Any) -> tuple[Digest, ...]:
    """Return the sha256 of an LFS or Xet file, or the git blob id of a plain one (an LFS file's id is its pointer's)."""
    if entry.lfs is not None:
        sha256 = text_of(entry.lfs.sha256).removeprefix("sha256:").lower()
        return (Digest("sha256", sha256),) if _SHA256.fullmatch(sha256) else ()
    git = text_of(entry.blob_id).lower()
    return (Digest("git-sha1", git),) if _COMMIT.fullmatch(git) else ()


def _card(info: Any) -> dict[str, Any]:
    """Return the card's metadata as a mapping, empty when there is none or it is malformed."""
    card = info.card_data
    found = vars(card) if hasattr(card, "__dict__") else card
    return dict(found) if isinstance(found, dict) else {}


def _examples(card: dict[str, Any]) -> int | None:
    """Return how many examples the card's `dataset_info` counts over all splits; None unless one configuration counts them."""
    told = card.get("dataset_info")
    told = told[0] if isinstance(told, list) and len(told) == 1 else told
    splits = told.get("splits") if isinstance(told, dict) else None
    counts = [size_of(split.get("num_examples")) for split in splits or () if isinstance(split, dict)]
    return sum(count for count in counts if count) if counts and all(counts) else None


def _claim(card: dict[str, Any], info: Any, repo: _Repository, context: ResolveContext) -> LicenseClaim:
    """Return the card's license (a text or a list), or else what the tags say; license_name and license_link beside it."""
    at, url = context.now(), repo.page
    tagged = tuple(tag.removeprefix("license:") for tag in texts_of(info.tags) if tag.startswith("license:"))
    raw = texts_of(card.get("license")) or tagged
    keys = ("license", "license_name", "license_link", "license_details")
    looked = [evidence(f"cardData.{key}", card[key], url=url, at=at) for key in keys if card.get(key)]
    looked += [evidence("tags", list(tagged), url=url, at=at)] if tagged else []
    name, link = text_of(card.get("license_name")), text_of(card.get("license_link"))
    level: Literal["dataset", "none"] = "dataset" if raw or name or link else "none"
    return LicenseClaim(raw, "huggingface", level, name=name, link=link, evidence=tuple(looked))


def _terms(card: dict[str, Any], repo: _Repository, context: ResolveContext) -> Terms:
    """Return the conditions of a gated data set, which this credential has passed."""
    text = "\n\n".join(texts_of([card.get("extra_gated_heading"), card.get("extra_gated_prompt")]))
    digest = evidence("terms", text, url=repo.page, at="").sha256
    by = f"the account of the token in {repo.credential.found}"
    return Terms(repo.page, text, digest, accepted=True, accepted_at=context.now(), accepted_by=by)


def _notes(info: Any, assets: tuple[Asset, ...], gate: str) -> Iterator[str]:
    if gate:
        yield f"gated ({gate}): access was granted to the account whose token was used"
    if info.private:
        yield "private: only accounts with access can fetch it again"
    papers = [tag.removeprefix("arxiv:") for tag in texts_of(info.tags) if tag.startswith("arxiv:")]
    if papers:
        yield f"papers named by its tags: {', '.join(f'arXiv {paper}' for paper in papers)}"
    for asset in assets:
        if (asset.size or 0) > PLAIN_HTTP_LIMIT:
            yield f"{asset.path} is larger than 50 GB; the Hub may serve it through Xet alone, which is not used"
        if not asset.digests:
            yield f"the Hub gives no digest for {asset.path}"
