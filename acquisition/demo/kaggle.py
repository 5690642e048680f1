"""The face of Kaggle: its RPC-like API in front of signed storage URLs (as kagglesdk 0.1.37 speaks it)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from acquisition.demo.archives import Files, zip_bytes
from acquisition.demo.blobs import Storage
from acquisition.demo.wire import Reply, Request, json_reply, whole

Body: TypeAlias = Mapping[str, Any]

_CREATED: Final = "2026-01-15T10:20:30.123Z"
_REST: Final = {
    "download": "DownloadDataset",
    "list": "ListDatasetFiles",
    "metadata": "GetDatasetMetadata",
    "view": "GetDataset",
}


@dataclass(slots=True)
class KaggleDataset:
    """One dataset with all its versions, and who may have it.

    `consent`: downloads answer 403 until `accepted` is set. `private`: nobody but the token's owner sees it.
    """

    ident: int
    owner: str
    slug: str
    title: str
    license_code: str
    license_display: str
    description: str = ""
    creator: str = ""
    sources: str = ""
    consent: bool = False
    accepted: bool = False
    private: bool = False
    zipped: tuple[str, ...] = ()
    versions: dict[int, dict[str, bytes | Path]] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """Owner and slug."""
        return f"{self.owner}/{self.slug}"

    @property
    def current(self) -> int:
        """The newest version's number."""
        return max(self.versions)


class KaggleError(Exception):
    """An answer of {code, message}."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Kaggle:
    """The API server. `token` and `username`/`key` are the credentials it knows; anonymous callers get what is public.

    `page_limit` is the greatest page of a file list, `lifetime` the seconds for which a signed URL lives, `hashes` what
    the storage tells of each file.
    """

    token = "KGAT_demo-token"  # noqa: S105 - opens nothing but this stand-in
    username = "demo"
    key = "demo-key"

    def __init__(self, base_url: Callable[[], str], storage: Storage) -> None:
        self._base_url, self._storage = base_url, storage
        self._datasets: dict[str, KaggleDataset] = {}
        self.page_limit = 20
        self.lifetime = 3600.0
        self.hashes: tuple[str, ...] = ("crc32c", "md5")

    @property
    def base_url(self) -> str:
        """Where the API listens; both /v1/ and /api/v1/ are answered below it."""
        return self._base_url()

    def add(
        self,
        owner: str,
        slug: str,
        files: Files,
        *,
        license_code: str = "CC0-1.0",
        license_display: str = "CC0: Public Domain",
        version: int | None = None,
        title: str = "",
        **facts: Any,
    ) -> KaggleDataset:
        """Publish a version of a dataset (the next one when `version` is left out); `facts` as in `KaggleDataset`."""
        made = KaggleDataset(
            len(self._datasets) + 1001,
            owner,
            slug,
            title or slug.replace("-", " ").title(),
            license_code,
            license_display,
            **facts,
        )
        dataset = self._datasets.setdefault(made.ref, made)
        dataset.license_code, dataset.license_display = license_code, license_display
        number = version or max(dataset.versions, default=0) + 1
        dataset.versions[number] = dict(files)
        folder = f"kaggle-data-sets/{owner}/{slug}/{number}"
        for name, content in files.items():
            stored, body = (f"{name}.zip", zip_bytes({Path(name).name: content})) if name in dataset.zipped else (name, content)
            self._storage.put(f"{folder}/files/{stored}", body, private=True, hashes=self.hashes)
        return dataset

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        try:
            return self._answer(request)
        except KaggleError as error:
            return json_reply({"code": error.status, "message": error.message}, error.status)

    def _answer(self, request: Request) -> Reply:
        signed_in = self._signed_in(request)
        path = request.path.removeprefix("/api").strip("/").split("/")
        if request.method == "POST" and len(path) == 3 and path[0] == "v1":
            return self._call(path[2], _json_object(request.body), signed_in)
        if request.method == "GET" and path[:2] == ["v1", "datasets"] and len(path) >= 5 and path[2] in _REST:
            body: dict[str, Any] = {"ownerSlug": path[3], "datasetSlug": path[4], **request.query}
            if path[5:]:
                body["fileName"] = "/".join(path[5:])
            return self._call(_REST[path[2]], body, signed_in)
        raise KaggleError(404, "Not found")

    def _signed_in(self, request: Request) -> bool:
        given = request.headers.get("authorization")
        if given is None:
            return False
        basic = base64.b64encode(f"{self.username}:{self.key}".encode()).decode()
        if given not in (f"Bearer {self.token}", f"Basic {basic}"):
            raise KaggleError(401, "Unauthenticated: the access token or API key is not valid")
        return True

    def _call(self, method: str, body: Body, signed_in: bool) -> Reply:
        if method == "IntrospectToken":
            return json_reply({"active": body.get("token") == self.token, "username": self.username})
        if method == "Hello":
            return json_reply({"userName": self.username if signed_in else ""})
        answers: dict[str, Callable[[KaggleDataset, Body], Reply]] = {
            "GetDataset": self._dataset,
            "GetDatasetMetadata": self._metadata,
            "ListDatasetFiles": self._files,
            "GetDatasetStatus": lambda _dataset, _body: json_reply({"status": "READY"}),
            "GetDatasetFilesSummary": self._summary,
            "DownloadDataset": self._download,
        }
        if method not in answers:
            raise KaggleError(404, f"Unknown method {method}")
        dataset = self._datasets.get(f"{body.get('ownerSlug')}/{body.get('datasetSlug')}")
        if dataset is None:
            raise KaggleError(404, "Dataset not found")
        if dataset.private and not signed_in:
            raise KaggleError(403, "Permission 'datasets.get' was denied")
        return answers[method](dataset, body)

    def _dataset(self, dataset: KaggleDataset, body: Body) -> Reply:
        del body
        return json_reply(
            {
                "id": dataset.ident,
                "ref": dataset.ref,
                "title": dataset.title,
                "subtitle": "",
                "description": dataset.description,
                "creatorName": dataset.creator or dataset.owner,
                "creatorUrl": dataset.owner,
                "ownerName": dataset.creator or dataset.owner,
                "ownerRef": dataset.owner,
                "totalBytes": sum(whole(content).size for content in dataset.versions[dataset.current].values()),
                "url": f"https://www.kaggle.com/datasets/{dataset.ref}",
                "lastUpdated": _CREATED,
                "licenseName": dataset.license_display,
                "currentVersionNumber": dataset.current,
                "isPrivate": dataset.private,
                "usabilityRating": 0.8,
                "downloadCount": 12,
                "tags": [],
                "versions": [
                    {
                        "versionNumber": number,
                        "creationDate": _CREATED,
                        "creatorName": dataset.creator or dataset.owner,
                        "creatorRef": dataset.owner,
                        "versionNotes": f"Version {number}",
                        "status": "Ready",
                    }
                    for number in sorted(dataset.versions, reverse=True)
                ],
            }
        )

    def _metadata(self, dataset: KaggleDataset, body: Body) -> Reply:
        del body
        info = {
            "datasetId": dataset.ident,
            "datasetSlug": dataset.slug,
            "ownerUser": dataset.owner,
            "title": dataset.title,
            "description": dataset.description,
            "keywords": [],
            "licenses": [{"name": dataset.license_code}] if dataset.license_code else [],
            "data": [
                {"name": name, "description": "", "totalBytes": whole(content).size, "columns": []}
                for name, content in dataset.versions[dataset.current].items()
            ],
            "userSpecifiedSources": dataset.sources,
            "isPrivate": dataset.private,
        }
        return json_reply({"info": info})

    def _files(self, dataset: KaggleDataset, body: Body) -> Reply:
        names = list(self._version(dataset, body)[1].items())
        start = _page_start(str(body.get("pageToken") or ""))
        stop = start + max(1, min(_number(body, "pageSize", 20), self.page_limit))
        files = [
            {
                "ref": name,
                "name": name,
                "totalBytes": whole(content).size,
                "creationDate": _CREATED,
                "fileType": Path(name).suffix,
                "url": f"https://www.kaggle.com/datasets/{dataset.ref}?select={name}",
            }
            for name, content in names[start:stop]
        ]
        return json_reply({"datasetFiles": files, "nextPageToken": _page_token(stop) if stop < len(names) else ""})

    def _summary(self, dataset: KaggleDataset, body: Body) -> Reply:
        files = self._version(dataset, body)[1]
        return json_reply({"fileSummaryInfo": {"totalFileCount": len(files)}})

    def _version(self, dataset: KaggleDataset, body: Body) -> tuple[int, Mapping[str, bytes | Path]]:
        number = _number(body, "datasetVersionNumber", dataset.current)
        if number not in dataset.versions:
            raise KaggleError(404, f"Version {number} of the dataset was not found")
        return number, dataset.versions[number]

    def _download(self, dataset: KaggleDataset, body: Body) -> Reply:
        number, files = self._version(dataset, body)
        if dataset.consent and not dataset.accepted:
            raise KaggleError(403, "You must accept this dataset's terms of use before you can download it")
        folder = f"kaggle-data-sets/{dataset.ref}/{number}"
        name = body.get("fileName")
        if name is None:
            path = f"{folder}/archive.zip"
            self._storage.put(path, zip_bytes(files), private=True, hashes=self.hashes)
        elif name in files:
            path = f"{folder}/files/{name}.zip" if name in dataset.zipped else f"{folder}/files/{name}"
        else:
            raise KaggleError(404, "The requested file was not found in the dataset")
        return Reply(302, (("Location", self._storage.signed_url(path, self.lifetime)),))


def _json_object(body: bytes) -> Body:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise KaggleError(400, "The request body is not JSON") from None
    return value if isinstance(value, dict) else {}


def _number(body: Body, name: str, default: int) -> int:
    value = str(body.get(name) or default)
    if not value.isdecimal():
        raise KaggleError(400, f"{name} must be a number")
    return int(value)


def _page_token(start: int) -> str:
    return base64.urlsafe_b64encode(f"page:{start}".encode()).decode()


def _page_start(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("page:"))
    except ValueError:
        raise KaggleError(400, "Invalid page token") from None
