"""Copies of recordings: candidates share words of their fingerprints at one offset, proof is the bit error rate there.

Words of 32 bits are looked up by samples of their bits, as many bits as leave chance few meetings, so an index of all words
is searched and never all pairs. A pair must meet twice at about one offset before it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates.links import NEAR, links_of
from acquisition.filters.duplicates.tables import Signatures
from acquisition.filters.media.fingerprints import BANDS, Words
from acquisition.filters.media.sounds import SoundLook

SCHEMA_FIELDS: Final = (
    pa.field("sound", pa.uint32(), nullable=False),
    pa.field("sound_coarse", pa.binary()),
    pa.field("sound_fine", pa.binary()),
    pa.field("sound_profile", pa.binary()),
    pa.field("sound_wave", pa.binary()),
)
"""sound           number of coarse words, 0 where there is nothing to compare (no recording, or a silent one)
sound_coarse    words (uint32, little-endian) and then levels (uint8) of frames of 256 ms
sound_fine      the same of frames of 64 ms, null for recordings longer than three seconds
sound_profile   33 octets: each band's energy in half decibels below the strongest
sound_wave      the low end of a recording of at most three seconds (media.fingerprints.Prints.wave)
"""
FLOOR: Final = 100
"""Frames 50 dB below the loudest hold nothing to compare."""
LEAST_FRAMES: Final = 8
MAX_BER: Final = 0.32
"""Bit error rate up to which recordings of many frames are near; unrelated ones stay above .40 then. See `allowed`."""
_FEW: Final = 0.34
_SHARED: Final = 0.5
"""Share of the shorter recording's loud frames that must lie under the other one."""
_FINER: Final = 8
_LOW_SHARE: Final = 0.4
"""Share of the energy from which on a recording's low end must agree."""
_LEAST_WAVE: Final = 0.98
"""Copies by gain, codec, rate, trim and noise of 20 dB keep .989 and more (48 drum hits); of other kicks 2 % reach .98."""
_SLACK: Final = 2
_TABLES: Final = 6
_CROWD: Final = 60
"""Entries of one bucket that meet each other; a word that more recordings share tells nothing."""
_MOST_WORDS: Final = 40_000_000
_MEETINGS: Final = 20_000_000
_VOTES: Final = 2
_PROFILE_RANGE: Final = 40
_PROFILE_APART: Final = 16.0
"""Bands within 20 dB of the strongest may differ by 8 dB on average."""

Grain = Literal["fine", "coarse"]


def columns(items: pa.RecordBatch, looks: Mapping[int, SoundLook]) -> list[pa.Array]:
    """Return the columns of SCHEMA_FIELDS for a batch of items."""
    rows = [looks.get(row) for row in range(items.num_rows)]
    kept = [look if look is not None and look.peak >= 0.001 and len(look.prints.coarse.words) else None for look in rows]
    return [
        pa.array([len(look.prints.coarse.words) if look else 0 for look in kept], pa.uint32()),
        pa.array([_packed(look.prints.coarse) if look else None for look in kept], pa.binary()),
        pa.array([_packed(look.prints.fine) if look else None for look in kept], pa.binary()),
        pa.array([look.prints.profile if look else None for look in kept], pa.binary()),
        pa.array([(look.prints.wave or None) if look else None for look in kept], pa.binary()),
    ]


def _packed(words: Words) -> bytes | None:
    return words.words.astype("<u4").tobytes() + words.levels.tobytes() if len(words.words) else None


def links(signatures: Signatures) -> pa.Table:
    """Return links (LINK_SCHEMA) between near recordings of all signature tables; similarity is 1 − 2 × bit error rate."""
    (counts,) = signatures.columns(["sound"])
    positions = np.flatnonzero(counts)
    found = [links_of(NEAR, "sound", positions[:0], positions[:0])]
    if len(positions) > 1:
        found += [_near(signatures, positions, "fine"), _near(signatures, positions, "coarse")]
    return pa.concat_tables(found)


def allowed(frames: np.ndarray) -> np.ndarray:
    """Return the bit error rate up to which so many compared frames prove a copy: .20 for 8, .26 for 32, .30 for 300.

    Few frames agree by chance more easily.
    """
    return np.asarray(MAX_BER - _FEW / np.sqrt(np.maximum(frames, 1)))


@dataclass(frozen=True, slots=True)
class Prints:
    """The words of many recordings, one after the other: recording n has words[starts[n]:starts[n + 1]]."""

    words: np.ndarray
    loud: np.ndarray
    starts: np.ndarray
    profile: np.ndarray
    """(recordings, 33)"""


def _near(signatures: Signatures, positions: np.ndarray, grain: Grain) -> pa.Table:
    table = signatures.take(positions, [f"sound_{grain}", "sound_profile"])
    packed, profiles = table.column(0).to_pylist(), table.column(1).to_pylist()
    prints = gathered(packed, profiles)
    a, b, rate = near(prints)
    if grain == "fine" and len(a):
        waves = signatures.take(positions, ["sound_wave"]).column(0).to_pylist()
        same = np.array([same_wave(waves[left], waves[right]) for left, right in zip(a.tolist(), b.tolist(), strict=True)])
        a, b, rate = a[same], b[same], rate[same]
    if grain == "coarse":  # two short recordings were compared finely
        short = np.array([value is not None for value in signatures.take(positions, ["sound_fine"]).column(0).to_pylist()])
        long = ~(short[a] & short[b])
        a, b, rate = a[long], b[long], rate[long]
    return links_of(NEAR, "sound", positions[a], positions[b], np.clip(1 - 2 * rate, 0, 1))


def gathered(packed: list[bytes | None], profiles: list[bytes]) -> Prints:
    """Return the words of many recordings from their packed columns."""
    sizes = np.array([len(one) // 5 if one else 0 for one in packed])
    words = [np.frombuffer(one, "<u4", len(one) // 5) for one in packed if one]
    levels = [np.frombuffer(one, np.uint8, len(one) // 5, 4 * (len(one) // 5)) for one in packed if one]
    return Prints(
        np.concatenate([np.zeros(0, np.uint32), *words]),
        np.concatenate([np.zeros(0, np.uint8), *levels]) < FLOOR,
        np.concatenate([[0], np.cumsum(sizes)]),
        np.frombuffer(b"".join(profiles), np.uint8).reshape(-1, BANDS),
    )


def near(prints: Prints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (a, b, bit error rate) of pairs of recordings a < b that are near."""
    a, b, offset = _candidates(prints)
    like = _same_profile(prints.profile[a], prints.profile[b]) if len(a) else np.zeros(0, dtype=bool)
    a, b, offset = a[like], b[like], offset[like]
    measured = [_compared(prints, *pair) for pair in zip(a.tolist(), b.tolist(), offset.tolist(), strict=True)]
    rate = np.array([one[0] for one in measured], np.float64)
    frames = np.array([one[1] for one in measured], np.float64)
    good = rate <= allowed(frames) if len(a) else np.zeros(0, dtype=bool)
    return a[good], b[good], rate[good]


def _candidates(prints: Prints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (a, b, offset): a's first word lies at word `offset` of b. A pair comes with the offset of most meetings."""
    owner = np.repeat(np.arange(len(prints.starts) - 1), np.diff(prints.starts))
    place = np.arange(len(prints.words)) - prints.starts[owner]
    loud = np.flatnonzero(prints.loud)
    width = int(np.clip(np.round(np.log2(max(len(loud), 2))) + 1, 12, 26))
    samples = np.random.default_rng(32)
    meetings = []
    for _ in range(_TABLES):
        keys = _sample(prints.words[loud], samples.choice(32, width, replace=False))
        kept = loud[keys % np.uint32(_thinning(len(loud))) == 0]
        left, right = _meeting(keys[keys % np.uint32(_thinning(len(loud))) == 0], owner[kept])
        meetings.append(_voted(owner[kept[left]], owner[kept[right]], place[kept[right]] - place[kept[left]]))
    return _elected(np.concatenate(meetings))


def _thinning(words: int) -> int:
    """Return by how much keys are thinned, by their own value, so that copies keep the same ones."""
    return max(1, -(-words // _MOST_WORDS))


def _sample(words: np.ndarray, bits: np.ndarray) -> np.ndarray:
    key = np.zeros(len(words), np.uint32)
    for place, bit in enumerate(bits):
        key |= ((words >> np.uint32(bit)) & np.uint32(1)) << np.uint32(place)
    return key


def _meeting(keys: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places (left, right) of equal keys of different recordings, left before right; crowded keys are left out."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    bounds = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1], [True]]))
    sizes = np.diff(bounds)
    size = np.repeat(sizes, sizes)
    usable = order[(size > 1) & (size <= _CROWD)]
    value = keys[usable]
    lefts, rights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in range(1, _CROWD):
        same = np.flatnonzero(value[step:] == value[:-step])
        if not len(same):
            break
        left, right = usable[same], usable[same + step]
        other = owner[left] != owner[right]
        lefts.append(left[other])
        rights.append(right[other])
    return np.concatenate(lefts), np.concatenate(rights)


def _voted(a: np.ndarray, b: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return rows (a, b, offset) with a < b; offsets of turned pairs change their sign."""
    turned = a > b
    rows = np.stack([np.where(turned, b, a), np.where(turned, a, b), np.where(turned, -offset, offset)], axis=1)
    return rows[:_MEETINGS]


def _elected(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pair with enough meetings at about one offset that offset."""
    if not len(rows):
        return rows[:, 0], rows[:, 1], rows[:, 2]
    found, votes = np.unique(rows, axis=0, return_counts=True)
    beside = (found[1:, :2] == found[:-1, :2]).all(axis=1) & (found[1:, 2] - found[:-1, 2] == 1)
    around = votes.copy()
    around[1:] += np.where(beside, votes[:-1], 0)
    around[:-1] += np.where(beside, votes[1:], 0)
    order = np.lexsort((-around, found[:, 1], found[:, 0]))
    found, around = found[order], around[order]
    first = np.concatenate([[True], (found[1:, :2] != found[:-1, :2]).any(axis=1)])
    chosen = first & (around >= _VOTES)
    return found[chosen, 0], found[chosen, 1], found[chosen, 2]


def _same_profile(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Say whether the stronger bands of two recordings are equally strong, whatever the gain."""
    strong = np.minimum(left, right) < _PROFILE_RANGE
    apart = left.astype(np.float32) - right
    count = np.maximum(strong.sum(axis=1), 1)
    gain = (apart * strong).sum(axis=1) / count
    return np.asarray((np.abs(apart - gain[:, None]) * strong).sum(axis=1) / count <= _PROFILE_APART)


def same_wave(left: bytes | None, right: bytes | None) -> bool:
    """Say whether two short recordings agree where they are strongest, if that is below a few hundred hertz.

    Gain, codecs, resampling and a trim leave the wave of a kick drum as it is (correlation above .95 at the best lag), another
    hit of the same kind has another one. Where the low end is not what one hears, nothing is asked of it.
    """
    if not left or not right or min(left[0], right[0]) < _LOW_SHARE * 255:
        return True
    one, other = (np.frombuffer(wave, np.int8, offset=1).astype(np.float64) for wave in (left, right))
    if not len(one) or not len(other):
        return True
    length = len(one) + len(other)
    # Cut recordings lie between two samples of each other: the correlation is read eight times as finely.
    crossed = np.fft.rfft(one, length) * np.conj(np.fft.rfft(other, length))
    products = _FINER * np.fft.irfft(crossed, _FINER * length)
    lags = np.arange(-(length // 2) * _FINER, (length - length // 2) * _FINER)
    whole = np.rint(lags / _FINER).astype(np.int64)
    first, last = np.maximum(whole, 0), np.minimum(len(one), len(other) + whole)
    usable = last - first >= _SHARED * min(len(one), len(other))
    if not usable.any():
        return True
    first, last, whole = first[usable], last[usable], whole[usable]
    energy = [np.concatenate([[0.0], np.cumsum(wave**2)]) for wave in (one, other)]
    both = (energy[0][last] - energy[0][first]) * (energy[1][last - whole] - energy[1][first - whole])
    agreement = (np.abs(products[lags[usable]]) / np.sqrt(np.maximum(both, 1e-9))).max()
    return bool(agreement >= _LEAST_WAVE)


def _compared(prints: Prints, a: int, b: int, offset: int) -> tuple[float, int]:
    """Return (bit error rate, frames compared) at the best of the offsets around the given one."""
    best = (1.0, 0)
    for shift in range(offset - _SLACK, offset + _SLACK + 1):
        rate, frames = _rate(prints, a, b, shift)
        if rate < best[0]:
            best = (rate, frames)
    return best


def _rate(prints: Prints, a: int, b: int, shift: int) -> tuple[float, int]:
    low_a, high_a, low_b, high_b = (int(prints.starts[at]) for at in (a, a + 1, b, b + 1))
    first = max(0, -shift)
    count = min(high_a - low_a - first, high_b - low_b - first - shift)
    if count < LEAST_FRAMES:
        return 1.0, 0
    left, right = slice(low_a + first, low_a + first + count), slice(low_b + first + shift, low_b + first + shift + count)
    loud = prints.loud[left] & prints.loud[right]
    frames = int(loud.sum())
    shorter = min(int(prints.loud[low_a:high_a].sum()), int(prints.loud[low_b:high_b].sum()))
    if frames < max(LEAST_FRAMES, _SHARED * shorter):
        return 1.0, 0
    wrong = int((np.bitwise_count(prints.words[left] ^ prints.words[right]) * loud).sum())
    return wrong / (32 * frames), frames
