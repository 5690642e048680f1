"""A stand-in for the Hub that takes uploads: repositories, preupload, LFS by one part or many, commits as NDJSON.

Reading is answered by the demo's Hub. What is written is what `huggingface_hub` 2.4.0 sends; refused are a commit upon another
parent, an object that was never uploaded, and bytes that are not what was announced.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from acquisition.demo import wire
from acquisition.demo.hub import _LFS_SUFFIXES, Hub, HubRepo
from acquisition.demo.servers import World
from acquisition.demo.wire import Delivery, Reply, Request, Server, json_reply

TOKEN = "hf_secret-for-writing"
_PART = 50_000
_BODY = 200_000_000


class UploadHub:
    """The write side of a Hub. `log` has every request; `refuse` maps the start of a path to a status and how often.

    `watch` hears of every request before it is answered.
    """

    def __init__(self, server: Server | None = None) -> None:
        self.world = World()
        self.hub: Hub = self.world.hub
        self.hub.token = TOKEN
        self.log: list[Request] = []
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.refuse: list[tuple[str, str, int, int]] = []
        self.commits: list[dict[str, Any]] = []
        self.watch: Callable[[Request], None] = lambda _request: None
        self.server = server or Server("hub-uploads", self._deliver, self.log)

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self.server.base_url

    def files(self, repo: str) -> dict[str, bytes]:
        """Return what the newest commit holds."""
        found = self.hub._repos[repo]
        return {path: wire.whole(file.content).read() for path, file in found.commits[found.refs["main"]].items()}

    def repo(self, repo: str) -> HubRepo:
        """Return a repository as it is."""
        return self.hub._repos[repo]

    def asked(self, *methods: str) -> list[str]:
        """Return what was asked with these methods, in order."""
        return [f"{request.method} {request.path}" for request in self.log if request.method in methods]

    def fail(self, method: str, path: str, status: int, after: int = 0) -> None:
        """Answer one request whose path holds `path` with a status, after letting some pass."""
        self.refuse.append((method, path, status, after))

    def close(self) -> None:
        """Stop the servers."""
        self.server.close()
        self.world.close()

    def _deliver(self, request: Request) -> Delivery:
        return Delivery(self._answer(request))

    def _answer(self, request: Request) -> Reply:
        self.watch(request)
        for place, (method, path, status, after) in enumerate(self.refuse):
            if request.method == method and path in request.path:
                self.refuse[place] = (method, path, status, after - 1)
                if after <= 0:
                    self.refuse.pop(place)
                    return json_reply({"error": "as the test wishes"}, status)
                break
        if request.path.startswith("/storage/"):
            return self._store(request)
        if request.method in {"GET", "HEAD"}:
            return self.hub.answer(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply({"error": "Invalid credentials in Authorization header"}, 401)
        return self._write(request, [unquote(part) for part in urlsplit(request.target).path.strip("/").split("/")])

    def _write(self, request: Request, parts: list[str]) -> Reply:
        match parts:
            case ["api", "repos", "create"]:
                return self._create(json.loads(request.body))
            case ["api", "validate-yaml"]:
                return json_reply({"errors": [], "warnings": []})
            case ["api", "datasets", owner, name, "preupload", _]:
                return self._preupload(f"{owner}/{name}", json.loads(request.body))
            case ["datasets", owner, git, "info", "lfs", "objects", "batch"] if git.endswith(".git"):
                return self._batch(json.loads(request.body))
            case ["api", "datasets", owner, name, "commit", "main"]:
                return self._commit(f"{owner}/{name}", request.body)
        return json_reply({"error": f"nothing at {request.path}"}, 404)

    def _create(self, asked: dict[str, Any]) -> Reply:
        repo = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "somebody-else":
            return json_reply({"error": "You don't have the rights to create a dataset under this namespace"}, 403)
        url = f"{self.base_url}/datasets/{repo}"
        if repo in self.hub._repos:
            return json_reply({"error": "You already created this dataset repo", "url": url}, 409)
        private = asked.get("visibility") == "private"
        self.hub.add(repo, {".gitattributes": b"*.parquet filter=lfs\n"}, private=private, granted=True)
        return json_reply({"url": url, "name": repo, "id": "1"})

    def _preupload(self, repo: str, asked: dict[str, Any]) -> Reply:
        if repo not in self.hub._repos:
            return json_reply({"error": "Repository not found"}, 404, (("X-Error-Code", "RepoNotFound"),))
        told = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if PurePosixPath(one["path"]).suffix.lower() in _LFS_SUFFIXES else "regular",
                "shouldIgnore": False,
            }
            for one in asked["files"]
        ]
        return json_reply({"files": told})

    def _batch(self, asked: dict[str, Any]) -> Reply:
        assert asked["hash_algo"] == "sha256"
        told: list[dict[str, Any]] = []
        for one in asked["objects"]:
            oid, size = one["oid"], one["size"]
            if oid in self.objects:
                told.append({"oid": oid, "size": size})
                continue
            href = f"{self.base_url}/storage/{oid}"
            upload: dict[str, Any] = {"href": href}
            if size > _PART:
                count = -(-size // _PART)
                header = {str(number): f"{href}/part/{number}" for number in range(1, count + 1)}
                upload = {"href": f"{href}/complete", "header": {"chunk_size": str(_PART), **header}}
            told.append({"oid": oid, "size": size, "actions": {"upload": upload}})
        return json_reply({"transfer": "basic", "objects": told})

    def _store(self, request: Request) -> Reply:
        assert "authorization" not in request.headers, "the token was sent to storage"
        oid, *rest = request.path.removeprefix("/storage/").split("/")
        if rest[:1] == ["part"]:
            self.parts.setdefault(oid, {})[int(rest[1])] = request.body
            return Reply(200, (("ETag", f'"{rest[1]}"'),))
        body = request.body
        if rest == ["complete"]:
            numbers = [part["partNumber"] for part in json.loads(request.body)["parts"]]
            body = b"".join(self.parts[oid][number] for number in numbers)
        if hashlib.sha256(body).hexdigest() != oid:
            return json_reply({"error": "the bytes are not what was announced"}, 400)
        self.objects[oid] = body
        return json_reply({})

    def _commit(self, repo: str, body: bytes) -> Reply:
        lines = [json.loads(line) for line in body.splitlines()]
        head = lines[0]["value"]
        found = self.hub._repos[repo]
        if head.get("parentCommit") not in (None, found.refs["main"]):
            return json_reply({"error": "A commit has happened since. Please refresh and try again."}, 412)
        files: dict[str, Any] = self.files(repo)
        for line in lines[1:]:
            value, path = line["value"], line["value"]["path"]
            if line["key"] == "file":
                files[path] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.objects:
                    return json_reply({"error": f"LFS pointer pointed to a file that does not exist: {path}"}, 400)
                files[path] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                if path not in files:
                    return json_reply({"error": f"A file with this name doesn't exist: {path}"}, 404)
                del files[path]
        commit = self.hub.add(repo, files)
        self.commits.append({"summary": head["summary"], "lines": len(lines) - 1, "commit": commit})
        return json_reply(
            {"commitUrl": f"{self.base_url}/datasets/{repo}/commit/{commit}", "commitOid": commit, "success": True}
        )


@contextmanager
def uploads() -> Iterator[UploadHub]:
    """Run a Hub that takes uploads."""
    before = wire._BODY_LIMIT
    wire._BODY_LIMIT = _BODY  # type: ignore[misc]  # the demo's own servers are only read from
    made = UploadHub()
    try:
        yield made
    finally:
        made.close()
        wire._BODY_LIMIT = before  # type: ignore[misc]  # as above
