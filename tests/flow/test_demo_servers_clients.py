"""The faces speak the real protocols: the services' own clients, unchanged, are content with them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from acquisition.demo.faults import Fault
from acquisition.demo.servers import World

CARD = """---
license: cc-by-4.0
configs:
- config_name: default
  data_files: "data/*.parquet"
---
# Ten notes
"""


@pytest.fixture
def world() -> Iterator[World]:
    """An empty world."""
    with World() as made:
        yield made


def run_client(code: str, home: Path, environment: Mapping[str, str]) -> Any:
    """Run a client in a child process with a clean home and return the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def table_bytes(rows: int) -> bytes:
    """Return a Parquet file of numbered notes."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [f"note {number}" for number in range(rows)]}), sink)
    return sink.getvalue()


# --- Kaggle -------------------------------------------------------------------------------------------------------------

KAGGLE = """
import json, requests
from kagglesdk import kaggle_env
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = "{base}"
from kagglesdk import KaggleClient
from kagglesdk.datasets.types.dataset_api_service import (
    ApiDownloadDatasetRequest, ApiGetDatasetMetadataRequest, ApiGetDatasetRequest, ApiListDatasetFilesRequest)
client = KaggleClient(env=kaggle_env.KaggleEnv.LOCAL, api_token={token!r})
api = client.datasets.dataset_api_client
def ask(kind, **fields):
    request = kind()
    request.owner_slug, request.dataset_slug = "ada", "drums"
    for name, value in fields.items():
        setattr(request, name, value)
    return request
try:
    dataset = api.get_dataset(ask(ApiGetDatasetRequest))
    metadata = api.get_dataset_metadata(ask(ApiGetDatasetMetadataRequest))
    names, token = [], ""
    while True:
        page = api.list_dataset_files(ask(ApiListDatasetFilesRequest, page_token=token, page_size=2))
        names += [(file.name, file.total_bytes) for file in page.dataset_files]
        token = page.next_page_token
        if not token:
            break
    body = api.download_dataset(ask(ApiDownloadDatasetRequest, file_name="a/kick.txt", dataset_version_number=1))
    print(json.dumps(dict(version=dataset.current_version_number, display=dataset.license_name,
        codes=[each.name for each in metadata.info.licenses], names=names, url=body.url, text=body.text,
        hashes=body.headers["x-goog-hash"], sent=body.request.headers.get("Authorization"))))
except requests.exceptions.HTTPError as error:
    print(json.dumps(dict(status=error.response.status_code, message=str(error))))
"""


def kaggle(world: World, home: Path, token: str = "") -> Any:
    """Ask for ada/drums with kagglesdk."""
    code = KAGGLE.format(base=world.kaggle.base_url, token=token or world.kaggle.token)
    return run_client(code, home, {"KAGGLE_API_ENVIRONMENT": "LOCALHOST"})


def test_kagglesdk_reads_a_dataset(world: World, tmp_path: Path) -> None:
    """The client sees the newest version, both license spellings, all pages, and gets an old version's bytes."""
    old = {"a/kick.txt": b"one", "b/kick.txt": b"two", "hat.txt": b"three"}
    world.kaggle.add("ada", "drums", old, license_code="ODbL-1.0", license_display="Database: Open Database")
    world.kaggle.add("ada", "drums", {**old, "a/kick.txt": b"new one"}, license_code="CC0-1.0", license_display="CC0")
    seen = kaggle(world, tmp_path)
    assert (seen["version"], seen["display"], seen["codes"]) == (2, "CC0", ["CC0-1.0"])
    assert seen["names"] == [["a/kick.txt", 7], ["b/kick.txt", 3], ["hat.txt", 5]]
    assert (seen["text"], seen["sent"]) == ("one", None)
    assert seen["url"].startswith(world.storage.base_url)
    assert "md5=" in seen["hashes"]
    assert "authorization" in world.requests("kaggle")[0].headers


def test_kagglesdk_is_refused(world: World, tmp_path: Path) -> None:
    """Missing datasets, private ones, consent and wrong tokens have their own status, with the server's words."""
    assert kaggle(world, tmp_path)["status"] == 404
    dataset = world.kaggle.add("ada", "drums", {"a/kick.txt": b"one"}, consent=True)
    refused = kaggle(world, tmp_path)
    assert (refused["status"], "accept" in refused["message"]) == (403, True)
    dataset.accepted = True
    assert kaggle(world, tmp_path)["text"] == "one"
    assert kaggle(world, tmp_path, token="KGAT_wrong")["status"] == 401


def test_kaggle_archive_and_zip_of_one(world: World) -> None:
    """Both prefixes work; the whole dataset is a zip with sub-paths, and a file may be delivered zipped."""
    files = {"a/kick.txt": b"one", "big.csv": b"x,y\n" * 100}
    world.kaggle.add("ada", "drums", files, zipped=("big.csv",))
    body = {"ownerSlug": "ada", "datasetSlug": "drums"}
    call = "datasets.DatasetApiService/DownloadDataset"
    whole = requests.post(f"{world.kaggle.base_url}/v1/{call}", json=body, timeout=5)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    one = requests.post(f"{world.kaggle.base_url}/api/v1/{call}", json={**body, "fileName": "big.csv"}, timeout=5)
    assert one.url.partition("?")[0].endswith("/files/big.csv.zip")
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert archive.read("big.csv") == files["big.csv"]
    rest = requests.get(f"{world.kaggle.base_url}/api/v1/datasets/download/ada/drums/a/kick.txt", timeout=5)
    assert rest.content == b"one"


def test_kaggle_signed_url_expires(world: World) -> None:
    """An old URL is refused by the storage, and asking again gives one that works."""
    world.kaggle.add("ada", "drums", {"hat.txt": b"three"})
    call = f"{world.kaggle.base_url}/v1/datasets.DatasetApiService/DownloadDataset"
    body = {"ownerSlug": "ada", "datasetSlug": "drums", "fileName": "hat.txt"}
    world.kaggle.lifetime = -1
    assert requests.post(call, json=body, timeout=5).status_code == 403
    world.kaggle.lifetime = 60
    assert requests.post(call, json=body, timeout=5).content == b"three"


# --- Hugging Face -------------------------------------------------------------------------------------------------------


def hub_environment(world: World, home: Path) -> dict[str, str]:
    """Point the Hub's clients at the world and keep them quiet."""
    return {
        "HF_ENDPOINT": world.hub.base_url,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def test_hf_api_reads_a_repository(world: World, tmp_path: Path) -> None:
    """HfApi sees commit, license, sizes and digests, follows the pages of the tree, and gets both kinds of file."""
    data = table_bytes(10)
    world.hub.page_limit = 2
    commit = world.hub.add("ada/notes", {"data/train.parquet": data, "data/extra.txt": b"small", "z.txt": b"z"}, CARD)
    seen = run_client(
        """
        import json
        from pathlib import Path
        from huggingface_hub import HfApi, hf_hub_download
        api = HfApi()
        info = api.dataset_info("ada/notes", files_metadata=True, timeout=5)
        tree = [(entry.path, getattr(entry, "size", None), entry.lfs and entry.lfs.sha256)
                for entry in api.list_repo_tree("ada/notes", repo_type="dataset", revision=info.sha, recursive=True)
                if hasattr(entry, "lfs")]
        some = api.get_paths_info("ada/notes", ["z.txt"], repo_type="dataset", revision="main")
        texts = {name: len(Path(hf_hub_download("ada/notes", name, repo_type="dataset", revision=info.sha)).read_bytes())
                 for name in ("data/train.parquet", "data/extra.txt", "README.md")}
        print(json.dumps(dict(sha=info.sha, license=info.card_data.license, tags=info.tags, gated=info.gated,
            siblings={each.rfilename: [each.size, each.blob_id] for each in info.siblings}, tree=tree,
            some=[each.path for each in some], texts=texts)))
        """,
        tmp_path,
        hub_environment(world, tmp_path),
    )
    assert (seen["sha"], seen["license"], seen["gated"]) == (commit, "cc-by-4.0", False)
    assert "license:cc-by-4.0" in seen["tags"]
    digest = hashlib.sha256(data).hexdigest()
    assert seen["tree"] == [
        ["README.md", len(CARD), None],
        ["data/extra.txt", 5, None],
        ["data/train.parquet", len(data), digest],
        ["z.txt", 1, None],
    ]
    assert seen["siblings"]["z.txt"] == [1, hashlib.sha1(b"blob 1\0z").hexdigest()]
    assert seen["some"] == ["z.txt"]
    assert seen["texts"] == {"data/train.parquet": len(data), "data/extra.txt": 5, "README.md": len(CARD)}
    assert any(request.path.startswith("/api/resolve-cache/") for request in world.log)
    assert [request.status for request in world.requests("storage") if request.method == "GET"] == [200]


def test_hf_errors_have_their_classes(world: World, tmp_path: Path) -> None:
    """Gated, missing, private, disabled and unknown revisions become the client's own exceptions; a grant opens the gate."""
    repos: dict[str, dict[str, Any]] = {
        "ada/auto": {"gated": "auto"},
        "ada/manual": {"gated": "manual"},
        "ada/open": {},
        "ada/private": {"private": True},
        "ada/off": {"disabled": True},
        "ada/mine": {"gated": "auto", "granted": True},
    }
    for repo, facts in repos.items():
        world.hub.add(repo, {"train.csv": b"a\n1\n"}, CARD, **facts)
    seen = run_client(
        f"""
        import json
        from huggingface_hub import HfApi
        def outcome(repo, token, revision="main", name="train.csv"):
            api = HfApi(token=token)
            try:
                api.auth_check(repo, repo_type="dataset")
                api.hf_hub_download(repo, name, repo_type="dataset", revision=revision)
                return "fine"
            except Exception as error:
                return type(error).__name__, getattr(getattr(error, "response", None), "status_code", None)
        token = {world.hub.token!r}
        print(json.dumps([
            outcome("ada/auto", False), outcome("ada/auto", token), outcome("ada/manual", token), outcome("ada/mine", token),
            outcome("ada/private", False), outcome("ada/private", token), outcome("ada/none", False), outcome("ada/off", False),
            outcome("ada/open", False, revision="v9"), outcome("ada/open", False, name="none.csv"),
            outcome("ada/open", "hf_wrong"), HfApi().dataset_info("ada/auto").gated]))
        """,
        tmp_path,
        hub_environment(world, tmp_path),
    )
    assert seen == [
        ["GatedRepoError", 401],
        ["GatedRepoError", 403],
        ["GatedRepoError", 403],
        "fine",
        ["RepositoryNotFoundError", 401],
        ["RepositoryNotFoundError", 404],
        ["RepositoryNotFoundError", 401],
        ["DisabledRepoError", 403],
        ["RevisionNotFoundError", 404],
        ["RemoteEntryNotFoundError", 404],
        ["HfHubHTTPError", 401],
        "auto",
    ]


def test_load_dataset_streams(world: World, tmp_path: Path) -> None:
    """`datasets` streams a Parquet repository from the stand-in."""
    world.hub.add("ada/notes", {"data/train.parquet": table_bytes(10)}, CARD)
    seen = run_client(
        """
        import json
        from datasets import load_dataset
        print(json.dumps([row["text"] for row in load_dataset("ada/notes", split="train", streaming=True)]))
        """,
        tmp_path,
        hub_environment(world, tmp_path),
    )
    assert seen == [f"note {number}" for number in range(10)]


def test_hub_moves_its_branch(world: World) -> None:
    """A second commit moves main; the first stays under its hash and under a tag."""
    first = world.hub.add("ada/notes", {"a.txt": b"one"})
    second = world.hub.add("ada/notes", {"a.txt": b"two"})
    world.hub.tag("ada/notes", "v1", first)
    urls = [f"{world.hub.base_url}/datasets/ada/notes/resolve/{revision}/a.txt" for revision in ("main", first, "v1", second)]
    answers = [requests.get(url, timeout=5) for url in urls]
    assert [answer.content for answer in answers] == [b"two", b"one", b"one", b"two"]
    assert answers[0].headers["X-Repo-Commit"] == second
    assert answers[0].headers["RateLimit"].startswith('"api";r=')


def test_faults_reach_the_faces(world: World) -> None:
    """A fault aimed at one face spoils only that face's answers."""
    world.hub.add("ada/notes", {"a.txt": b"one"})
    world.faults.add(Fault("rate-limit", face="hub", style="ratelimit", seconds=2))
    url = f"{world.hub.base_url}/api/datasets/ada/notes"
    assert [requests.get(url, timeout=5).status_code for _ in range(2)] == [429, 200]


# --- UCI ----------------------------------------------------------------------------------------------------------------


def test_uci_speaks_of_its_sets(world: World) -> None:
    """Sets are found by number and name; external ones have no files here; the list filters importable ones."""
    world.uci.add(53, "Iris", "iris", {"iris.data": b"5.1,a\n"}, table=b"x,y\n5.1,a\n", creators=["R. Fisher"])
    world.uci.add(186, "Wine Quality", "wine+quality", {"red.csv": b"a;b\n"})
    world.uci.add(9, "Far Away", "far+away", external_url="https://data.example/far")
    api = f"{world.uci.base_url}/api"
    by_id = requests.get(f"{api}/dataset", {"id": "53"}, timeout=5).json()
    by_name = requests.get(f"{api}/dataset", {"name": "iris"}, timeout=5).json()
    assert by_id == by_name
    assert (by_id["status"], by_id["data"]["uci_id"], by_id["data"]["creators"]) == (200, 53, ["R. Fisher"])
    assert by_id["data"]["repository_url"].endswith("/dataset/53/iris")
    assert requests.get(by_id["data"]["data_url"], timeout=5).content == b"x,y\n5.1,a\n"
    far = requests.get(f"{api}/dataset?id=9", timeout=5).json()["data"]
    assert (far["external_url"], far["data_url"]) == ("https://data.example/far", None)
    assert [each["id"] for each in requests.get(f"{api}/datasets/list", timeout=5).json()["data"]] == [53, 186, 9]
    assert [each["id"] for each in requests.get(f"{api}/datasets/list?filter=python", timeout=5).json()["data"]] == [53]
    missing = requests.get(f"{api}/dataset?id=1", timeout=5)
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


def test_uci_tells_no_length(world: World) -> None:
    """Files come without length, validator or range; a plus sign in the slug is itself."""
    world.uci.add(186, "Wine Quality", "wine+quality", {"red.csv": b"a;b\n"})
    answer = requests.get(f"{world.uci.base_url}/static/public/186/wine+quality.zip", headers={"Range": "bytes=5-"}, timeout=5)
    assert answer.status_code == 200
    assert not {"Content-Length", "ETag", "Accept-Ranges", "Last-Modified"} & set(answer.headers)
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["red.csv"]


# --- Mozilla Data Collective --------------------------------------------------------------------------------------------


def test_collective_details_are_public(world: World) -> None:
    """Details need no key, by id or slug; size and checksum come in the form that was chosen."""
    world.collective.add("cm1", b"archive", slug="mcv-xx", checksum="prefixed", name="Common Voice xx")
    world.collective.add("cm2", b"archive", checksum="none", size_as="number")
    digest = hashlib.sha256(b"archive").hexdigest()
    url = f"{world.collective.base_url}/datasets"
    first = requests.get(f"{url}/cm1", timeout=5).json()
    assert requests.get(f"{url}/mcv-xx", timeout=5).json() == first
    assert (first["sizeBytes"], first["checksum"], first["filename"]) == ("7", f"sha256:{digest}", "mcv-xx.tar.gz")
    second = requests.get(f"{url}/cm2", timeout=5).json()
    assert (second["sizeBytes"], second["checksum"]) == (7, None)


def test_collective_download_needs_key_and_terms(world: World) -> None:
    """The POST gives a URL that works without credentials, or the refusal that the case deserves."""
    world.collective.add("fine", b"archive")
    closed: dict[str, dict[str, Any]] = {"terms": {"agreed": False}, "paid": {"paid": True}, "gone": {"removed": True}}
    for ident, facts in closed.items():
        world.collective.add(ident, b"archive", **facts)
    key = {"Authorization": f"Bearer {world.collective.token}"}

    def post(ident: str, headers: Mapping[str, str] = key) -> requests.Response:
        return requests.post(f"{world.collective.base_url}/datasets/{ident}/download", headers=dict(headers), timeout=5)

    statuses = {ident: post(ident).status_code for ident in ("terms", "paid", "gone", "never")}
    assert statuses == {"terms": 403, "paid": 402, "gone": 410, "never": 404}
    assert [post("fine", {}).status_code, post("fine", {"Authorization": "Bearer no"}).status_code] == [401, 401]
    given = post("fine").json()
    assert (given["sizeBytes"], given["checksum"]) == ("7", hashlib.sha256(b"archive").hexdigest())
    assert requests.get(given["downloadUrl"], timeout=5).content == b"archive"
    world.collective.lifetime = -1
    assert requests.get(post("fine").json()["downloadUrl"], timeout=5).status_code == 403


# --- a web site ---------------------------------------------------------------------------------------------------------


def test_site_serves_what_was_added(world: World) -> None:
    """Pages, headers, redirects, robots.txt and 404 are as they were put there, and every request is logged."""
    world.site.robots("User-agent: *\nDisallow: /private/\n")
    world.site.add("/a.html", "<p>hello</p>", (("X-Robots-Tag", "noai"),))
    world.site.add("/list?page=2", "second")
    world.site.redirect("/old.html", "/a.html")
    base = world.site.base_url
    page = requests.get(f"{base}/old.html", timeout=5)
    assert (page.text, page.url, page.headers["X-Robots-Tag"]) == ("<p>hello</p>", f"{base}/a.html", "noai")
    assert requests.get(f"{base}/list?page=2", timeout=5).text == "second"
    assert "Disallow" in requests.get(f"{base}/robots.txt", timeout=5).text
    assert requests.get(f"{base}/none", timeout=5).status_code == 404
    assert [request.path for request in world.requests("site")] == ["/old.html", "/a.html", "/list", "/robots.txt", "/none"]
