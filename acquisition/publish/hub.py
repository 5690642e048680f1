"""The Hub as `huggingface_hub` speaks to it: what a repository holds, and commits in parts that a later run goes on from.

Importing this module is cheap; huggingface_hub is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from acquisition import __version__
from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    ProtocolError,
    PushConflict,
    SourceForbidden,
    SourceUnavailable,
)
from acquisition.publish.contents import Outgoing
from acquisition.publish.difference import RemoteFile
from acquisition.publish.target import HUB, Target

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_FILES: Final = 1_000
"""Files in one commit: a run that is stopped loses no more than this, and the Hub allows 25,000."""
_BYTES: Final = 5_000_000_000
_TIMEOUT: Final = 120.0
"""Seconds without an answer; huggingface_hub's own client waits for ever in most calls (2.4.0)."""
_TYPE: Final = "dataset"


@dataclass(frozen=True, slots=True)
class Remote:
    """What a repository holds: its newest commit and its files by path. One that does not exist has no commit."""

    exists: bool
    private: bool = True
    commit: str = ""
    files: dict[str, RemoteFile] = field(default_factory=dict)


class Hub:
    """One repository, seen through the token's eyes. Use it inside `opened`."""

    def __init__(self, api: HfApi, target: Target) -> None:
        self._api, self._target = api, target

    @classmethod
    @contextmanager
    def opened(cls, target: Target, token: str, user_agent: str) -> Iterator[Hub]:
        """Lend the Hub. The token is sent to the endpoint alone and stands in no message.

        Outside the public Hub files go by the LFS protocol, because only the public one is known to speak Xet.
        """
        from huggingface_hub import HfApi, constants, set_client_factory
        from huggingface_hub.utils import _http, logging
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

        factory, xet, level = _http._GLOBAL_CLIENT_FACTORY, constants.HF_HUB_DISABLE_XET, logging.get_verbosity()  # noqa: SLF001  # there is no public way to read it
        bars = not are_progress_bars_disabled()

        def patient() -> Any:
            client = _http.default_client_factory()
            client.timeout = _TIMEOUT
            return client

        set_client_factory(patient)
        constants.HF_HUB_DISABLE_XET = xet or target.endpoint != HUB
        logging.set_verbosity(40)  # errors only
        disable_progress_bars()
        try:
            yield cls(HfApi(endpoint=target.endpoint, token=token, headers={"user-agent": user_agent}), target)
        finally:
            set_client_factory(factory)
            constants.HF_HUB_DISABLE_XET = xet
            logging.set_verbosity(level)
            if bars:
                enable_progress_bars()

    def look(self) -> Remote:
        """Return what the repository holds now."""
        with _told(self._target):
            return self._look()

    def _look(self) -> Remote:
        from huggingface_hub.errors import RepositoryNotFoundError
        from huggingface_hub.hf_api import RepoFile

        try:
            info = self._api.dataset_info(self._target.repo, timeout=_TIMEOUT)
        except RepositoryNotFoundError:
            return Remote(exists=False)
        if not info.sha:
            return Remote(exists=True, private=bool(info.private))
        tree = self._api.list_repo_tree(self._target.repo, recursive=True, revision=info.sha, repo_type=_TYPE)
        files = {
            one.path: RemoteFile(one.size, one.lfs.sha256 if one.lfs else "", one.blob_id)
            for one in tree
            if isinstance(one, RepoFile)
        }
        return Remote(True, bool(info.private), info.sha, files)

    def create(self, *, private: bool) -> None:
        """Create the repository; one that is there already stays as it is."""
        with _told(self._target):
            self._api.create_repo(self._target.repo, repo_type=_TYPE, private=private, exist_ok=True)

    def commit(
        self, files: Sequence[Outgoing], gone: Sequence[str], message: str, parent: str, done: Callable[[int, int], None]
    ) -> str:
        """Send files and deletions in commits of bounded size and return the last commit.

        Every commit names the one before it, so that nobody else's is overwritten; deletions go with the last. `done`
        hears the files and bytes of each commit, and may raise to stop between two.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        batches = list(_batches(files)) or [[]]
        for number, batch in enumerate(batches, 1):
            operations: list[Any] = [CommitOperationAdd(one.path, str(one.file)) for one in batch]
            if number == len(batches):
                operations += [CommitOperationDelete(path, is_folder=False) for path in gone]
            part = f" (part {number} of {len(batches)})" if len(batches) > 1 else ""
            with _told(self._target):
                made = self._api.create_commit(
                    self._target.repo,
                    operations,
                    commit_message=message + part,
                    commit_description=f"Written by acquisition {__version__}.",
                    repo_type=_TYPE,
                    parent_commit=parent or None,
                )
                parent = str(made.oid)
            done(len(batch), sum(one.size for one in batch))
        return parent


def _batches(files: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield the files in groups of bounded number and size, in their order."""
    rest = iter(files)
    while group := list(islice(rest, _FILES)):
        batch: list[Outgoing] = []
        size = 0
        for one in group:
            if batch and size + one.size > _BYTES:
                yield batch
                batch, size = [], 0
            batch.append(one)
            size += one.size
        yield batch


@contextmanager
def _told(target: Target) -> Iterator[None]:
    """Turn what the client raises into errors of ours, with the server's own words.

    The client takes answers apart by key and attribute, so one that is not as it expects is a KeyError, TypeError or
    AttributeError there.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    odd = (RuntimeError, ValueError, KeyError, TypeError, AttributeError)
    try:
        yield
    except (httpx2.HTTPError, ConnectionError, *odd) as error:  # ConnectionError: HF_HUB_OFFLINE is set
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            raise _answered(cause.response.status_code, _words(cause), target, str(cause.response.url)) from error
        if isinstance(cause, (httpx2.HTTPError, ConnectionError)):
            raise SourceUnavailable(f"the Hub cannot be reached: {cause}", where=target.url, hint=_AGAIN) from error
        raise ProtocolError(f"the Hub's answer is not what its protocol promises: {error!r}", where=target.url) from error


_AGAIN: Final = "Run the same command again later; what has arrived is not sent again."


def _answered(status: int, words: str, target: Target, asked: str) -> AcquisitionError:
    if status in {401, 403} and urlsplit(asked).hostname != urlsplit(target.endpoint).hostname:  # no token is sent there
        return SourceUnavailable(f"the storage behind the Hub answered {status}: {words}", where=target.url, hint=_AGAIN)
    if status == 401:
        return CredentialsRejected(
            f"the Hub does not accept the token: {words}", where=target.url, hint="Set HF_TOKEN to one that may write."
        )
    if status == 403:
        return SourceForbidden(
            f"the token may not write here: {words}", where=target.url, hint="Use a token with write access to this owner."
        )
    if status in {409, 412}:
        return PushConflict(f"the repository changed meanwhile: {words}", where=target.url, hint="Run the same command again.")
    if status == 429 or status >= 500:
        return SourceUnavailable(f"the Hub answered {status}: {words}", where=target.url, hint=_AGAIN)
    return ProtocolError(f"the Hub answered {status}: {words}", where=target.url)


def _words(error: Any) -> str:
    said = error.server_message or str(error).splitlines()[0]
    return str(said)[:300]
