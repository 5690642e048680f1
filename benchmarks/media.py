"""Pictures and recordings per second and core, beside decoding alone and beside the peers' hashes, in one run.

    python -m benchmarks.media [--rounds 5] [--pictures 60] [--clips 60] [--search 100000]

Pictures are JPEG of 500 × 375 pixels, recordings clips of one second at 44.1 and 16 kHz, all drawn by chance. Ours measures
everything that the filters `duplicates` and `quality` ask for. A, B, A, B in one process and one thread; printed are medians of
CPU seconds, and the ratios. `--search` looks for near copies among so many invented pictures, of which 2 % have a copy.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  # one thread, or the CPU of several is counted
import soundfile  # noqa: E402
from PIL import Image  # noqa: E402

from acquisition.filters.duplicates.images import MAX_DHASH, candidates  # noqa: E402
from acquisition.filters.media.hashes import FORMS, INSETS  # noqa: E402
from acquisition.filters.media.images import look_at_image  # noqa: E402
from acquisition.filters.media.sounds import look_at_sound  # noqa: E402

Work = Callable[[bytes], object]


def photo(seed: int) -> bytes:
    """Return a JPEG of 500 × 375 with structure at all scales, about 45 KB as a photo has."""
    draws = np.random.default_rng(seed)
    spectrum = np.fft.fft2(draws.normal(size=(375, 500, 3)), axes=(0, 1))
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(500), np.fft.fftfreq(375)))
    field = np.fft.ifft2(spectrum / (distance[:, :, None] + 0.003) ** 1.3, axes=(0, 1)).real
    field = (field - field.min()) / np.ptp(field) * 255
    stream = io.BytesIO()
    Image.fromarray(field.astype(np.uint8)).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def clip(seed: int, rate: int, kind: str) -> bytes:
    """Return one second of falling tones and noise."""
    draws = np.random.default_rng(seed)
    sound = draws.normal(0, 0.02, rate)
    for start in draws.uniform(0, 0.8, 6):
        after = np.maximum(np.arange(rate) / rate - start, 0)
        sound += 0.1 * np.sin(2 * np.pi * draws.uniform(100, 3000) * after) * np.exp(-8 * after) * (after > 0)
    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format=kind, subtype={"OGG": "VORBIS"}.get(kind, "PCM_16"))
    return stream.getvalue()


def cpu(work: Work, inputs: Sequence[bytes]) -> float:
    """Return the CPU seconds of one pass."""
    start = time.process_time()
    for data in inputs:
        work(data)
    return time.process_time() - start


def compare(title: str, contenders: Mapping[str, Work], inputs: Sequence[bytes], rounds: int) -> None:
    """Time all in turn and print the medians."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work(inputs[0])
    for _ in range(rounds):
        for name, work in contenders.items():
            spent[name].append(cpu(work, inputs))
    first = next(iter(contenders))
    print(f"\n{title}: {len(inputs)} inputs, {rounds} rounds, {sum(map(len, inputs)) / len(inputs) / 1000:.0f} KB each")
    for name, times in spent.items():
        ratio = statistics.median(other / own for other, own in zip(times, spent[first], strict=True))
        each = statistics.median(times) / len(inputs)
        print(f"  {name:<44} {1 / each:>8,.0f}/s   {1000 * each:>7.2f} ms   × {ratio:.2f} of ours")


def opened(data: bytes) -> np.ndarray:
    """Decode a picture and do nothing else."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def picture_peers() -> dict[str, Work]:
    """Return the hashes of other libraries that are installed, decoding included."""
    peers: dict[str, Work] = {}
    if find_spec("imagehash"):
        import imagehash

        peers["imagehash: pHash and dHash, one orientation"] = lambda data: [
            hash_of(Image.open(io.BytesIO(data))) for hash_of in (imagehash.phash, imagehash.dhash)
        ]
    if find_spec("pdqhash"):
        import pdqhash

        peers["pdqhash: PDQ in eight orientations"] = lambda data: pdqhash.compute_dihedral(opened(data))
    for name in ("imagehash", "pdqhash"):
        if not find_spec(name):
            print(f"{name} is not installed: left out")
    return peers


def search(pictures: int) -> None:
    """Search invented hashes: 2 % have a copy that differs by up to eight bits in another orientation."""
    draws = np.random.default_rng(7)
    hashes = draws.integers(1, 1 << 63, (pictures, FORMS + len(INSETS)), dtype=np.uint64)
    copies = pictures // 50
    flips = np.zeros(copies, np.uint64)
    for _ in range(8):
        flips |= np.uint64(1) << draws.integers(0, 64, copies, dtype=np.uint64)
    hashes[-copies:, 3] = hashes[:copies, 0] ^ flips
    start = time.process_time()
    found = candidates(hashes)
    spent = time.process_time() - start
    pairs = set(zip(found.asked.tolist(), found.met.tolist(), strict=True))
    planted = [(pictures - copies + number, number) for number in range(copies)]
    hit = sum(pair in pairs or pair[::-1] in pairs for pair in planted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\ncandidates among {pictures:,} pictures, at most {MAX_DHASH} bits apart: {spent:.1f} s CPU, peak {peak:,.0f} MB")
    print(f"  {hit / copies:.3f} of {copies:,} copies up to 8 bits apart; {len(pairs) - hit:,} chance pairs go to the proof")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--search", type=int, default=100_000)
    asked = parser.parse_args()
    pictures = [photo(seed) for seed in range(asked.pictures)]
    ours: dict[str, Work] = {"ours: everything": look_at_image, "Pillow: decoding alone": opened}
    compare("pictures, JPEG 500 × 375", ours | picture_peers(), pictures, asked.rounds)
    for rate, kind in ((44_100, "WAV"), (44_100, "FLAC"), (44_100, "OGG"), (16_000, "WAV")):
        clips = [clip(seed, rate, kind) for seed in range(asked.clips)]
        work: dict[str, Work] = {
            "ours: everything": lambda data: look_at_sound(io.BytesIO(data), len(data)),
            "soundfile: decoding alone": lambda data: soundfile.read(io.BytesIO(data), dtype="int16"),
        }
        compare(f"recordings of one second, {kind} at {rate:,} Hz", work, clips, asked.rounds)
    if asked.search:
        search(asked.search)


if __name__ == "__main__":
    main()
