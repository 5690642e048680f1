"""Downloading beside its peers: `python -m benchmarks.download [large] [small] [--rounds N]`.

An nginx on 127.0.0.1 serves 5 files of 200 MB and 20,000 files of 5 KB from tmpfs. Ours writes to a tmpfs workspace, verifies
sha256 and journals every file. All candidates run in turn, round after round, each in a process of its own; printed are the
medians, the ratio to the peer (above 1 is faster than the peer), CPU seconds and the largest resident memory.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LARGE, LARGE_SIZE = 5, 200_000_000
SMALL, SMALL_SIZE = 20_000, 5_000
_NGINX = """
daemon off; pid {root}/nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4;
  scgi_temp_path {root}/t5; server {{ listen 127.0.0.1:{port}; root {root}/www;
    location ~ ^/datasets/bench/set/resolve/[0-9a-f]+/(.*)$ {{ alias {root}/www/$1; add_header X-Repo-Commit {commit}; }} }} }}
"""
_COMMIT = "1" * 40
_HUB = "hf_hub_download, 8"
_HUB_FILES = {"large": LARGE, "small": 1_000}
"""The Hub's client asks twice per file and takes minutes for 20,000 small ones, so it gets fewer; rates are compared."""


@dataclass(frozen=True)
class Figure:
    """One run: wall and CPU seconds of the process and its children, largest resident memory in MB."""

    wall: float
    cpu: float
    rss: float

    def of_all(self, share: float) -> Figure:
        """Return the figure of all files where only a share of them was fetched."""
        return Figure(self.wall / share, self.cpu / share, self.rss)


def make_files(www: Path, kinds: list[str]) -> dict[str, str]:
    """Write the served files and return the sha256 of each by its path."""
    digests = {}
    www.mkdir()
    block = os.urandom(1 << 20)
    for index in range(LARGE if "large" in kinds else 0):
        data = index.to_bytes(8, "big") + (block * (LARGE_SIZE // len(block) + 1))[: LARGE_SIZE - 8]
        (www / f"large{index}.bin").write_bytes(data)
        digests[f"large{index}.bin"] = hashlib.sha256(data).hexdigest()
    (www / "small").mkdir()
    for index in range(SMALL if "small" in kinds else 0):
        data = os.urandom(SMALL_SIZE)
        (www / f"small/{index:05d}").write_bytes(data)
        digests[f"small/{index:05d}"] = hashlib.sha256(data).hexdigest()
    return digests


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve `root`/www and yield the base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / "nginx.conf").write_text(_NGINX.format(root=root, port=port, commit=_COMMIT))
    server = subprocess.Popen(["nginx", "-p", str(root), "-c", str(root / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


class _Quiet:
    """Hears nothing."""

    def event(self, name: str, /, **fields: object) -> None:
        """Ignore the event."""


def ours(base: str, listing: Path, target: Path) -> None:
    """Fetch everything in the listing (lines of "sha256 path") with the project's downloader; runs in a child process."""
    from acquisition.blobs import BlobStore
    from acquisition.fetch import Arrived, Downloader, Transfer
    from acquisition.journal import Journal
    from acquisition.model import Asset, Digest, Location
    from acquisition.network import AddressGuard
    from acquisition.workspace import Workspace

    guard = AddressGuard([base])

    def wish(line: str) -> Transfer:
        digest, path = line.split()
        url = f"{base}/{path}"
        return Transfer("bench", "1", Asset(path, url=url, digests=(Digest("sha256", digest),)), lambda: Location(url), guard)

    workspace = Workspace(target)
    lines = listing.read_text().splitlines()
    with Journal(workspace.journal) as journal:
        downloader = Downloader(blobs=BlobStore(workspace), journal=journal, reporter=_Quiet(), user_agent="acquisition-bench")
        arrived = sum(isinstance(result, Arrived) for result in downloader.run(map(wish, lines)))
    if arrived != len(lines):
        raise SystemExit(f"only {arrived} of {len(lines)} files arrived")


def hub(base: str, listing: Path, target: Path) -> None:
    """Fetch the first files of the listing with the Hub's own client, eight at a time; it compares sizes, no digests."""
    from concurrent.futures import ThreadPoolExecutor

    from huggingface_hub import hf_hub_download

    def fetch(path: str) -> None:
        hf_hub_download("bench/set", path, repo_type="dataset", revision=_COMMIT, endpoint=base, local_dir=target)

    paths = [line.split()[1] for line in listing.read_text().splitlines()][: _HUB_FILES[listing.stem]]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, paths))


def measure(command: list[str]) -> Figure:
    """Run a command to its end and measure it with all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    talk = None if command[0] == sys.executable else subprocess.DEVNULL  # curl draws its progress there
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=talk)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"{command[0]} ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return Figure(wall, cpu, used.ru_maxrss / 1024)


def candidates(kind: str, base: str, root: Path) -> dict[str, Callable[[], list[str]]]:
    """Return name → the command line of every candidate; the first is ours, the second the peer of the target."""
    listing, urls, out = root / f"{kind}.txt", root / f"{kind}.urls", root / "out"
    paths = [line.split()[1] for line in listing.read_text().splitlines()]
    urls.write_text("".join(f"{base}/{path}\n" for path in paths))
    us, hugging = (
        [sys.executable, "-m", "benchmarks.download", how, base, str(listing), str(out)] for how in ("--child", "--hub")
    )
    if kind == "small":
        aria = ["aria2c", "-q", "-j16", "--file-allocation=none", "-i", str(urls), "-d", str(out)]
        curl = [
            "curl",
            "-s",
            "--parallel",
            "--parallel-max",
            "64",
            "--create-dirs",
            "--output-dir",
            str(out),
            "--remote-name-all",
        ]
        (root / "curl.cfg").write_text("".join(f'url = "{base}/{path}"\n' for path in paths))
        return {
            "acquisition": lambda: us,
            "aria2c -j16": lambda: aria,
            "curl --parallel": lambda: [*curl, "-K", str(root / "curl.cfg")],
            _HUB: lambda: hugging,
        }
    one = f"xargs -I@ -P{{}} sh -c 'curl -s @ | tee \"{out}/$(basename @)\" | sha256sum' < {urls}"
    bare = f"xargs -I@ -P1 sh -c 'curl -s @ | sha256sum' < {urls}"
    shells = {"curl | sha256sum": bare, "curl | tee | sha256sum": one.format(1), "the same, two at a time": one.format(2)}
    peers = {name: (lambda text=text: ["sh", "-c", text]) for name, text in shells.items()}
    return {"acquisition": lambda: us, **peers, _HUB: lambda: hugging}


def run(kind: str, base: str, root: Path, rounds: int) -> None:
    """Run all candidates in turn and print their medians."""
    import statistics

    contenders = {name: make for name, make in candidates(kind, base, root).items() if shutil.which(make()[0])}
    figures: dict[str, list[Figure]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, make in contenders.items():
            shutil.rmtree(root / "out", ignore_errors=True)
            (root / "out").mkdir()
            share = _HUB_FILES[kind] / (SMALL if kind == "small" else LARGE) if name == _HUB else 1.0
            figures[name].append(measure(make()).of_all(share))
    count, volume = (SMALL, SMALL * SMALL_SIZE) if kind == "small" else (LARGE, LARGE * LARGE_SIZE)
    print(
        f"\n{kind}: {count:,} files, {volume / 1e6:,.0f} MB, {rounds} rounds in turn; ratio = wall of the peer / wall of ours"
    )
    for name, runs in figures.items():
        wall = statistics.median(figure.wall for figure in runs)
        ratio = statistics.median(peer.wall / own.wall for peer, own in zip(runs, figures["acquisition"], strict=True))
        cpu, rss = statistics.median(figure.cpu for figure in runs), max(figure.rss for figure in runs)
        speed = f"{count / wall:8,.0f} files/s" if kind == "small" else f"{volume / wall / 1e6:8,.0f} MB/s"
        print(f"  {name:26} {wall:6.2f} s {speed}  cpu {cpu:5.2f} s  rss {rss:4.0f} MB  ratio {ratio:.2f}")


def main() -> None:
    """Parse the command line, serve, measure, print."""
    children = {"--child": ours, "--hub": hub}
    if (child := children.get(sys.argv[1] if len(sys.argv) > 1 else "")) is not None:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    import argparse
    from concurrent.futures import ProcessPoolExecutor

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("kinds", nargs="*", metavar="large|small")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    options.kinds = [kind for kind in ("large", "small") if kind in options.kinds or not options.kinds]
    if shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        print("skipped: nginx is not installed (Debian package nginx-light)")
        return
    os.environ["PATH"] += ":/usr/sbin"
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        root = Path(name)
        root.chmod(0o755)
        with ProcessPoolExecutor(1) as other:  # a child's resident memory begins with its parent's, so keep that small
            digests = other.submit(make_files, root / "www", options.kinds).result()
        for kind in options.kinds:
            lines = [f"{digest} {path}\n" for path, digest in digests.items() if path.startswith(kind)]
            (root / f"{kind}.txt").write_text("".join(lines))
        with served(root) as base:
            for kind in options.kinds:
                run(kind, base, root, options.rounds)


if __name__ == "__main__":
    main()
