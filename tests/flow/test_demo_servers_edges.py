"""The corners of the faces: what clients ask seldom, and what is no question at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from acquisition.demo.servers import World


@pytest.fixture
def world() -> Iterator[World]:
    """An empty world."""
    with World() as made:
        yield made


def kaggle(world: World, method: str, body: dict[str, Any], **headers: str) -> requests.Response:
    """Call a method of Kaggle's API."""
    return requests.post(f"{world.kaggle.base_url}/v1/service/{method}", json=body, headers=headers, timeout=5)


def test_kaggle_knows_its_callers(world: World) -> None:
    """Tokens are introspected, names told, and legacy credentials accepted as Basic."""
    assert kaggle(world, "IntrospectToken", {"token": world.kaggle.token}).json()["active"] is True
    assert kaggle(world, "IntrospectToken", {"token": "other"}).json()["active"] is False
    hello = f"{world.kaggle.base_url}/v1/service/Hello"
    assert requests.post(hello, auth=(world.kaggle.username, world.kaggle.key), timeout=5).json()["userName"] == "demo"
    assert requests.post(hello, auth=("demo", "wrong"), timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        ("GetDatasetStatus", {}, 200),
        ("GetDatasetFilesSummary", {}, 200),
        ("Unknown", {}, 404),
        ("ListDatasetFiles", {"pageToken": "###"}, 400),
        ("ListDatasetFiles", {"pageSize": "many"}, 400),
        ("ListDatasetFiles", {"datasetVersionNumber": 9}, 404),
        ("DownloadDataset", {"fileName": "none.txt"}, 404),
    ],
)
def test_kaggle_refuses_with_code_and_message(world: World, method: str, fields: dict[str, Any], status: int) -> None:
    """What cannot be answered is {code, message} with the status as code."""
    world.kaggle.add("ada", "drums", {"a.txt": b"x"})
    answer = kaggle(world, method, {"ownerSlug": "ada", "datasetSlug": "drums", **fields})
    assert answer.status_code == status
    if status >= 400:
        assert (answer.json()["code"], bool(answer.json()["message"])) == (status, True)


def test_kaggle_keeps_private_sets_to_its_owner(world: World) -> None:
    """A private dataset is 403 for strangers and open for the token."""
    world.kaggle.add("ada", "own", {"a.txt": b"x"}, private=True)
    body = {"ownerSlug": "ada", "datasetSlug": "own"}
    assert kaggle(world, "GetDataset", body).status_code == 403
    assert kaggle(world, "GetDataset", body, Authorization=f"Bearer {world.kaggle.token}").json()["isPrivate"] is True


def test_hub_grants_access(world: World) -> None:
    """A private repository opens for the token once access was granted, and for nobody else."""
    world.hub.add("ada/own", {"a.txt": b"x"}, private=True)
    url, key = f"{world.hub.base_url}/api/datasets/ada/own", {"Authorization": f"Bearer {world.hub.token}"}
    assert [requests.get(url, timeout=5).status_code, requests.get(url, headers=key, timeout=5).status_code] == [401, 404]
    world.hub.grant("ada/own")
    assert [requests.get(url, timeout=5).status_code, requests.get(url, headers=key, timeout=5).status_code] == [401, 200]
    who = f"{world.hub.base_url}/api/whoami-v2"
    assert requests.get(who, headers=key, timeout=5).json()["name"] == "demo"


def test_hub_trees_and_refusals(world: World) -> None:
    """A folder is listed without what lies deeper; missing folders and senseless cursors are refused by code."""
    world.hub.add("ada/notes", {"data/a/b.txt": b"x", "data/c.txt": b"y"})
    api = f"{world.hub.base_url}/api/datasets/ada/notes"
    listed = requests.get(f"{api}/tree/main/data", timeout=5).json()
    assert [(entry["type"], entry["path"]) for entry in listed] == [("directory", "data/a"), ("file", "data/c.txt")]
    missing = requests.get(f"{api}/tree/main/none", timeout=5)
    assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert requests.get(f"{api}/tree/main?cursor=x", timeout=5).status_code == 400
    assert requests.get(f"{api}/nonsense", timeout=5).status_code == 404
    assert [ref["name"] for ref in requests.get(f"{api}/refs", timeout=5).json()["branches"]] == ["main"]
    some = requests.post(f"{api}/paths-info/main", json={"paths": ["data/c.txt", "none"]}, timeout=5).json()
    assert [entry["path"] for entry in some] == ["data/c.txt"]


def test_hub_can_answer_small_files_itself(world: World) -> None:
    """Without the cache redirect a small file is answered where it was asked for."""
    world.hub.add("ada/notes", {"a.txt": b"x"})
    url = f"{world.hub.base_url}/datasets/ada/notes/resolve/main/a.txt"
    assert requests.get(url, timeout=5, allow_redirects=False).status_code == 307
    world.hub.cache_redirect = False
    assert requests.get(url, timeout=5, allow_redirects=False).content == b"x"


def test_uci_may_say_missing_in_the_body_alone(world: World) -> None:
    """With status_in_body the answer is HTTP 200 and its JSON says 404."""
    world.uci.status_in_body = True
    answer = requests.get(f"{world.uci.base_url}/api/dataset?id=1", timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (200, 404)
    assert requests.get(f"{world.uci.base_url}/static/public/1/x.zip", timeout=5).status_code == 404


def test_collective_lists_and_lies(world: World) -> None:
    """The list names each set once; a wrong checksum is told when that is asked for."""
    world.collective.add("one", b"archive", slug="mcv-one", checksum="wrong")
    world.collective.add("two", b"archive")
    listed = requests.get(f"{world.collective.base_url}/datasets", timeout=5).json()
    assert (listed["total"], [item["slug"] for item in listed["items"]]) == (2, ["mcv-one", "two"])
    assert listed["items"][0]["checksum"] == listed["items"][1]["checksum"][::-1]
    assert requests.get(f"{world.collective.base_url}/elsewhere", timeout=5).status_code == 404
    assert requests.get(f"{world.collective.base_url}/datasets/none", timeout=5).status_code == 404


def test_storage_answers_validators_and_refuses_writes(world: World) -> None:
    """If-None-Match is honoured, a file can be taken away, and nothing can be written."""
    url = world.storage.put("a.bin", b"x")
    tag = requests.get(url, timeout=5).headers["ETag"]
    assert requests.get(url, headers={"If-None-Match": tag}, timeout=5).status_code == 304
    assert requests.put(url, data=b"y", timeout=5).status_code == 405
    world.storage.remove("a.bin")
    assert requests.get(url, timeout=5).status_code == 404


@pytest.mark.parametrize(
    "sent", [b"\x00\x01\x02\r\n\r\n", b"GET /\r\n\r\n", b"\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_hung_up_on(world: World, sent: bytes) -> None:
    """Garbage ends the connection without an answer, and the server goes on."""
    with socket.create_connection(("127.0.0.1", world.ports["site"]), timeout=5) as peer:
        peer.sendall(sent)
        assert peer.recv(100) == b""
    assert requests.get(f"{world.site.base_url}/none", timeout=5).status_code == 404


def test_chunked_requests_are_read(world: World) -> None:
    """A body that is sent in chunks arrives whole."""

    def body() -> Iterator[bytes]:
        yield b'{"token":'
        yield f'"{world.kaggle.token}"}}'.encode()

    answer = requests.post(f"{world.kaggle.base_url}/v1/service/IntrospectToken", data=body(), timeout=5)
    assert answer.json()["active"] is True
    assert world.requests("kaggle")[-1].body.startswith(b'{"token"')
