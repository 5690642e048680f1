"""How much of a source a model wrote: the mixture of arXiv 2403.07183 over histograms of sentences.

The share is the `a` that maximises the mean of log((1 - a) + a * exp(r)) over the log likelihood ratios r of all sentences. A
histogram of r is all that this needs, so sources of any size add up in bounded memory. Documents fall into 256 blocks by
their id and the bootstrap draws blocks: sentences of one document are not independent. Within a domain the estimate has a
small upward bias, measured on human texts that were held back (the baseline) and subtracted; outside the domain it means
nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

REACH: Final = 20.0
BINS: Final = 800
BLOCKS: Final = 256
_CENTRES: Final = (np.arange(BINS) + 0.5) * (2 * REACH / BINS) - REACH
_ROUNDS: Final = 1_000


def bin_of(ratio: float) -> int:
    """Return the bin of a log likelihood ratio; what lies beyond 20 either way counts as 20."""
    return min(BINS - 1, max(0, int((ratio + REACH) * (BINS / (2 * REACH)))))


def block_of(item: str) -> int:
    """Return the block of a document, the same on every machine."""
    return zlib.crc32(item.encode()) % BLOCKS


def share(histograms: np.ndarray) -> np.ndarray:
    """Return the most likely model share of each histogram (rows × BINS); 0 where a histogram is empty.

    The likelihood is concave in the share, so its slope is bisected.
    """
    excess = np.expm1(_CENTRES)
    totals = np.maximum(histograms.sum(axis=1), 1)[:, None]
    weights = histograms / totals
    low, high = np.zeros(len(weights)), np.ones(len(weights))
    for _ in range(24):
        middle = (low + high) / 2
        slope = np.einsum("rb,rb->r", weights, excess / (1 + middle[:, None] * excess))
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    return np.where(histograms.sum(axis=1) > 0, np.where(high < 1e-6, 0.0, (low + high) / 2), 0.0)


def interval(blocks: np.ndarray) -> tuple[float, float, float]:
    """Return the share of blocks × BINS counts and its 95 % bootstrap interval over blocks (1,000 rounds, fixed seed)."""
    filled = blocks[blocks.sum(axis=1) > 0].astype(np.float64)
    if not len(filled):
        return 0.0, 0.0, 1.0
    chance = np.random.default_rng(0)
    drawn = chance.multinomial(len(filled), np.full(len(filled), 1 / len(filled)), size=_ROUNDS)
    shares = np.concatenate([share(part @ filled) for part in np.array_split(drawn.astype(np.float64), 10)])
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(share(filled.sum(axis=0, keepdims=True))[0]), float(low), float(high)


@dataclass(frozen=True, slots=True)
class Reference:
    """What held-back texts of a domain say of its estimate.

    `baseline` is the share that is estimated where there is none (human texts), `spread` its standard deviation over parts of
    them, `ceiling` the share estimated where all is model text. `known` is the range, over human and model texts, of the
    share of words that the vocabulary knows: a source outside it belongs to another domain.
    """

    baseline: float
    spread: float
    ceiling: float
    known: tuple[float, float]
    sentences: int
