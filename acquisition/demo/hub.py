"""The face of the Hugging Face Hub for datasets: repositories with commits, in front of signed storage for large files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml

from acquisition.demo.archives import Files
from acquisition.demo.blobs import Storage, Stored, serve
from acquisition.demo.wire import Headers, Reply, Request, json_reply, whole

_LFS_SUFFIXES: Final = (
    *(".arrow", ".bin", ".flac", ".gif", ".gz", ".jpeg", ".jpg", ".mp3", ".npy", ".ogg"),
    *(".parquet", ".png", ".tar", ".wav", ".webp", ".xz", ".zip", ".zst"),
)
_LIMITS: Final[Headers] = (("RateLimit", '"api";r=499;t=300'), ("RateLimit-Policy", '"fixed window";"api";q=500;w=300'))
_OPEN_FILES: Final = frozenset({"README.md", ".gitattributes"})


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a commit with its object id in git; `sha256` is set when large-file storage holds it."""

    path: str
    content: bytes | Path
    oid: str
    sha256: str = ""

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return whole(self.content).size

    @property
    def pointer_size(self) -> int:
        """Bytes of the pointer that git holds instead of a large file."""
        return len(_pointer(self.sha256, self.size))


@dataclass(slots=True)
class HubRepo:
    """One dataset repository. `refs` maps branches and tags to commits; `granted`: the token's owner may read it."""

    name: str
    gated: Literal[False, "auto", "manual"] = False
    private: bool = False
    disabled: bool = False
    granted: bool = False
    tags: tuple[str, ...] = ()
    commits: dict[str, dict[str, HubFile]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)


class HubError(Exception):
    """An answer that says with X-Error-Code and X-Error-Message what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Hub:
    """The API and file server. `token` is the one that it knows.

    `page_limit` is the greatest page of a tree, `lifetime` the seconds for which a signed URL lives; with `cache_redirect`
    small files are answered by 307 to /api/resolve-cache/.
    """

    token = "hf_demo-token"  # noqa: S105 - opens nothing but this stand-in
    username = "demo"

    def __init__(self, base_url: Callable[[], str], storage: Storage) -> None:
        self._base_url, self._storage = base_url, storage
        self._repos: dict[str, HubRepo] = {}
        self.page_limit = 1000
        self.lifetime = 3600.0
        self.cache_redirect = True

    @property
    def base_url(self) -> str:
        """Where the Hub listens (HF_ENDPOINT)."""
        return self._base_url()

    def add(
        self, repo: str, files: Files, card_text: str | bytes | None = None, *, lfs_over: int = 1_000_000, **facts: Any
    ) -> str:
        """Commit a whole tree to a repository's main branch and return the commit; `facts` as in `HubRepo`.

        A file is large (its sha256 known, served by redirect to storage) by its ending or over `lfs_over` bytes.
        """
        found = self._repos.setdefault(repo, HubRepo(repo))
        for name, value in facts.items():
            setattr(found, name, value)
        contents = dict(files) if card_text is None else {**files, "README.md": _bytes(card_text)}
        tree = {path: self._file(repo, path, content, lfs_over) for path, content in sorted(contents.items())}
        listing = "\n".join(f"{file.oid} {path}" for path, file in tree.items())
        commit = hashlib.sha1(f"{repo}\n{listing}".encode(), usedforsecurity=False).hexdigest()
        found.commits[commit] = tree
        found.refs["main"] = commit
        return commit

    def _file(self, repo: str, path: str, content: bytes | Path, lfs_over: int) -> HubFile:
        data = whole(content).read()
        if PurePosixPath(path).suffix.lower() not in _LFS_SUFFIXES and len(data) <= lfs_over:
            return HubFile(path, content, _git_oid(data))
        sha256 = hashlib.sha256(data).hexdigest()
        self._storage.put(f"hub/{repo}/{sha256}/{path}", content, private=True, tag=sha256)
        return HubFile(path, content, _git_oid(_pointer(sha256, len(data))), sha256)

    def grant(self, repo: str) -> None:
        """Let the token's owner into a gated or private repository."""
        self._repos[repo].granted = True

    def tag(self, repo: str, name: str, commit: str) -> None:
        """Point a tag or branch at a commit."""
        self._repos[repo].refs[name] = commit

    # --- routes ---------------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        try:
            return self._answer(request)
        except HubError as error:
            headers = (*((("X-Error-Code", error.code),) if error.code else ()), ("X-Error-Message", error.message))
            return json_reply({"error": error.message}, error.status, (*headers, *_LIMITS))

    def _answer(self, request: Request) -> Reply:
        signed_in = self._signed_in(request)
        parts = [unquote(part) for part in urlsplit(request.target).path.strip("/").split("/")]
        if parts == ["api", "whoami-v2"] and signed_in:
            return json_reply({"type": "user", "name": self.username, "orgs": []})
        if parts[:2] == ["api", "datasets"]:
            repo, rest = self._open(parts[2:], signed_in)
            return self._api(repo, rest, request, signed_in)
        if parts[:3] == ["api", "resolve-cache", "datasets"]:
            repo, rest = self._open(parts[3:], signed_in)
            return self._small(repo, rest[0], self._entry(repo, rest[0], "/".join(rest[1:])), request)
        if parts[0] == "datasets":
            repo, rest = self._open(parts[1:], signed_in)
            if rest[:1] in (["resolve"], ["raw"]) and len(rest) > 2:
                return self._resolve(repo, rest[1], "/".join(rest[2:]), request, signed_in)
        raise HubError(404, "", "Sorry, we can't find the page you are looking for.")

    def _signed_in(self, request: Request) -> bool:
        given = request.headers.get("authorization")
        if given is None:
            return False
        if given != f"Bearer {self.token}":
            raise HubError(401, "", "Invalid credentials in Authorization header")
        return True

    def _open(self, parts: list[str], signed_in: bool) -> tuple[HubRepo, list[str]]:
        """Return the repository named by the first one or two parts, and what follows."""
        for length in (2, 1):
            repo = self._repos.get("/".join(parts[:length]))
            if repo is not None and (not repo.private or (signed_in and repo.granted)):
                if repo.disabled:
                    raise HubError(403, "DisabledRepo", "Access to this resource is disabled.")
                return repo, parts[length:]
        if signed_in:
            raise HubError(404, "RepoNotFound", "Repository not found")
        raise HubError(401, "RepoNotFound", "Invalid username or password.")

    def _api(self, repo: HubRepo, rest: list[str], request: Request, signed_in: bool) -> Reply:
        match rest:
            case []:
                return self._info(repo, "main", request)
            case ["revision", revision]:
                return self._info(repo, revision, request)
            case ["tree", revision, *folder]:
                return self._tree(repo, revision, "/".join(folder), request)
            case ["paths-info", revision] if request.method == "POST":
                return self._paths_info(repo, revision, request)
            case ["auth-check"]:
                self._check_gate(repo, signed_in)
                return json_reply({}, headers=_LIMITS)
            case ["refs"]:
                refs = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in repo.refs.items()]
                return json_reply({"branches": refs, "converts": [], "tags": []}, headers=_LIMITS)
        raise HubError(404, "", "Not found")

    def _check_gate(self, repo: HubRepo, signed_in: bool) -> None:
        if not repo.gated or (signed_in and repo.granted):
            return
        if not signed_in:
            raise HubError(401, "GatedRepo", f"Access to dataset {repo.name} is restricted. Please log in.")
        if repo.gated == "manual":
            raise HubError(403, "GatedRepo", f"Your request to access dataset {repo.name} is awaiting a review.")
        page = f"{self.base_url}/datasets/{repo.name}"
        raise HubError(403, "GatedRepo", f"Access to dataset {repo.name} is restricted. Visit {page} to ask for access.")

    def _commit(self, repo: HubRepo, revision: str) -> str:
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _entry(self, repo: HubRepo, revision: str, path: str) -> HubFile:
        commit = self._commit(repo, revision)
        file = repo.commits[commit].get(path)
        if file is None:
            raise HubError(404, "EntryNotFound", "Entry not found")
        return file

    # --- metadata -------------------------------------------------------------------------------------------------------

    def _info(self, repo: HubRepo, revision: str, request: Request) -> Reply:
        commit = self._commit(repo, revision)
        files = repo.commits[commit]
        card = _card_data(files)
        blobs = request.query.get("blobs", "").lower() in ("true", "1")
        info = {
            "id": repo.name,
            "sha": commit,
            "author": repo.name.partition("/")[0] if "/" in repo.name else None,
            "private": repo.private,
            "gated": repo.gated,
            "disabled": repo.disabled,
            "tags": [*repo.tags, *_license_tags(card)],
            "siblings": [_sibling(file, blobs) for file in files.values()],
            "createdAt": "2026-01-10T09:00:00.000Z",
            "lastModified": "2026-02-01T12:00:00.000Z",
            "description": "",
            "citation": None,
            "downloads": 7,
            "likes": 1,
            "usedStorage": sum(file.size for file in files.values()),
        }
        return json_reply(info if card is None else {**info, "cardData": card}, headers=_LIMITS)

    def _tree(self, repo: HubRepo, revision: str, folder: str, request: Request) -> Reply:
        files = repo.commits[self._commit(repo, revision)]
        recursive = request.query.get("recursive", "").lower() in ("true", "1")
        entries = _entries(files, folder, recursive)
        if folder and not entries:
            raise HubError(404, "EntryNotFound", f"{folder} does not exist on {revision}")
        start = _number(request, "cursor", 0)
        stop = start + min(_number(request, "limit", 1000), self.page_limit)
        headers: Headers = _LIMITS
        if stop < len(entries):
            path = urlsplit(request.target).path
            flags = f"recursive={str(recursive).lower()}&expand={request.query.get('expand', 'false')}&cursor={stop}"
            headers = (*_LIMITS, ("Link", f'<{self.base_url}{path}?{flags}>; rel="next"'))
        return json_reply(entries[start:stop], headers=headers)

    def _paths_info(self, repo: HubRepo, revision: str, request: Request) -> Reply:
        files = repo.commits[self._commit(repo, revision)]
        if request.headers.get("content-type", "").startswith("application/json"):
            paths = json.loads(request.body).get("paths", [])
        else:
            paths = parse_qs(request.body.decode()).get("paths", [])
        entries = {entry["path"]: entry for entry in _entries(files, "", recursive=True)}
        return json_reply([entries[path] for path in paths if path in entries], headers=_LIMITS)

    # --- files ----------------------------------------------------------------------------------------------------------

    def _resolve(self, repo: HubRepo, revision: str, path: str, request: Request, signed_in: bool) -> Reply:
        file = self._entry(repo, revision, path)
        commit = self._commit(repo, revision)
        if path not in _OPEN_FILES:
            self._check_gate(repo, signed_in)
        if not file.sha256:
            if not self.cache_redirect:
                return self._small(repo, commit, file, request)
            location = f"/api/resolve-cache/datasets/{repo.name}/{commit}/{quote(path)}"
            headers = (("Location", location), ("X-Repo-Commit", commit), ("ETag", f'"{file.oid}"'))
            return Reply(307, (*headers, *_LIMITS), whole(f"Temporary Redirect. Redirecting to {location}".encode()))
        large: Headers = (
            ("Location", self._storage.signed_url(f"hub/{repo.name}/{file.sha256}/{path}", self.lifetime)),
            ("X-Repo-Commit", commit),
            ("X-Linked-Etag", f'"{file.sha256}"'),
            ("X-Linked-Size", str(file.size)),
            ("Accept-Ranges", "bytes"),
        )
        return Reply(302, (*large, *_LIMITS), whole(b"Found. Redirecting to storage"))

    def _small(self, repo: HubRepo, commit: str, file: HubFile, request: Request) -> Reply:
        headers = (("X-Repo-Commit", self._commit(repo, commit)), *_LIMITS)
        return serve(Stored(file.content, "text/plain; charset=utf-8", tag=file.oid, headers=headers), request)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name) or str(default)
    if not text.isdecimal():
        raise HubError(400, "", f"{name} must be a number")
    return int(text)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def _git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _card_data(files: Mapping[str, HubFile]) -> dict[str, Any] | None:
    """Return the YAML header of the README, None where there is none that can be read."""
    if "README.md" not in files:
        return None
    text = whole(files["README.md"].content).read().decode("utf-8", "replace").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return None
    try:
        header = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return None
    return header if isinstance(header, dict) else None


def _license_tags(card: Mapping[str, Any] | None) -> list[str]:
    declared = (card or {}).get("license") or []
    return [f"license:{name}" for name in ([declared] if isinstance(declared, str) else declared)]


def _sibling(file: HubFile, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        sibling |= {"blobId": file.oid, "size": file.size}
        if file.sha256:
            sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
    return sibling


def _entries(files: Mapping[str, HubFile], folder: str, recursive: bool) -> list[dict[str, Any]]:
    """Return the entries of a folder as the tree call tells them, folders among them, sorted by path."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    for path, file in files.items():
        if not path.startswith(prefix):
            continue
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if str(parent).startswith(prefix) and (recursive or "/" not in str(parent)[len(prefix) :]):
                found[str(parent)] = {
                    "type": "directory",
                    "oid": _git_oid(str(parent).encode()),
                    "size": 0,
                    "path": str(parent),
                }
        if recursive or "/" not in path[len(prefix) :]:
            found[path] = _file_entry(file)
    return [found[path] for path in sorted(found)]


def _file_entry(file: HubFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": file.oid, "size": file.size, "path": file.path}
    if file.sha256:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
    return entry
