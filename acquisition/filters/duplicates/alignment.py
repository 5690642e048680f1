"""Lays one small picture over another and says how well they agree: the proof that two pictures are copies.

Forward-additive image alignment (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004) of an affine map together with
gain and offset, for many pairs at a time, first coarse and then fine. Crops, frames, small turns and stretches become a map;
whatever the map cannot explain lowers the correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

SIDE: Final = 32
STEPS: Final = (6, 5)
"""Gauss-Newton steps on smoothed and on full pictures."""
AT_ONCE: Final = 400
"""Pairs that are aligned at a time: about 100 MB."""
WORTH: Final = 0.9
"""Correlation of luma from which on fine structure is looked at; whatever counts as a copy has more."""
_INNER: Final = np.pad(np.ones((SIDE - 8, SIDE - 8), dtype=bool), 4)
"""Where two pictures have to agree whatever frames them."""
_GRID: Final = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """How pairs agree after alignment: correlation of luma and of its fine structure, -1..1; `still` where nothing moved."""

    plain: np.ndarray
    fine: np.ndarray
    still: np.ndarray


def agreement(fixed: np.ndarray, moving: np.ndarray, scale: np.ndarray) -> Agreement:
    """Lay pairs of pictures over each other and say how they agree.

    fixed, moving: (pairs, 32, 32) luma; scale: (pairs,) how much of `moving` the fixed picture shows at first guess.
    A pair whose map left what a copy may have undergone (a scale of 1.4, a turn of 15 degrees, a shift of a sixth) gets -1.
    """
    if not len(fixed):
        return Agreement(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, dtype=bool))
    starts = range(0, len(fixed), AT_ONCE)
    parts = [_aligned(*(part[at : at + AT_ONCE] for part in (fixed, moving, scale))) for at in starts]
    return Agreement(*(np.concatenate([getattr(part, name) for part in parts]) for name in Agreement.__slots__))


def likeness(fixed: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how pairs of pictures (pairs, 32, 32) agree as they lie: correlation of luma and of its fine structure, -1..1.

    The latter is -1 where luma agrees less than `WORTH`: among small pictures of one kind nearly all pairs come this far.
    """
    found = np.full((2, len(fixed)), -1, np.float32)
    for at in range(0, len(fixed), AT_ONCE):
        left, right = _normal(fixed[at : at + AT_ONCE]), _normal(moving[at : at + AT_ONCE])
        plain = _cosine(left, right)
        found[0, at : at + AT_ONCE] = plain
        worth = np.flatnonzero(plain >= WORTH)
        left, right = left[worth], right[worth]
        whole = np.ones(left.shape, dtype=bool)
        found[1, at + worth] = _correlation(left - _smooth(_smooth(left)), right - _smooth(_smooth(right)), whole)
    return found[0], found[1]


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    product, left_power, right_power = (
        np.einsum("pij,pij->p", one, other) for one, other in ((left, right), (left, left), (right, right))
    )
    return np.asarray(product / np.maximum(np.sqrt(left_power * right_power), 1e-6))


def _aligned(fixed: np.ndarray, moving: np.ndarray, scale: np.ndarray) -> Agreement:
    fixed, moving = _normal(fixed), _normal(moving)
    maps = np.zeros((len(fixed), 2, 3), np.float32)
    maps[:, 0, 0] = maps[:, 1, 1] = scale
    soft_fixed, soft_moving = _smooth(_smooth(fixed)), _smooth(_smooth(moving))
    for still, shifted, steps in ((soft_fixed, soft_moving, STEPS[0]), (fixed, moving, STEPS[1])):
        down, across = np.gradient(shifted, axis=(1, 2))
        for _ in range(steps):
            maps = _step(still, (shifted, across * (SIDE / 2), down * (SIDE / 2)), maps)
    laid, inside = _warped(moving, maps)
    fine_laid, _ = _warped(moving - _smooth(_smooth(moving)), maps)
    inner = inside & _INNER
    plain = np.minimum(_correlation(fixed, laid, inside), _correlation(fixed, laid, inner))
    fine = _correlation(fixed - soft_fixed, fine_laid, inner)
    possible = _possible(maps) & (inside.mean(axis=(1, 2)) >= 0.6)
    return Agreement(np.where(possible, plain, -1), np.where(possible, fine, -1), _still(maps))


def _normal(pictures: np.ndarray) -> np.ndarray:
    pictures = pictures.astype(np.float32)
    spread = pictures.std(axis=(1, 2), keepdims=True)
    normal: np.ndarray = (pictures - pictures.mean(axis=(1, 2), keepdims=True)) / np.maximum(spread, 1)
    return normal


def _smooth(pictures: np.ndarray) -> np.ndarray:
    """Blur with 1 2 1 along both axes."""
    for axis in (1, 2):
        edge = np.pad(pictures, [(0, 0)] + [(1, 1) if at == axis else (0, 0) for at in (1, 2)], mode="edge")
        before, after = np.take(edge, range(SIDE), axis), np.take(edge, range(2, SIDE + 2), axis)
        pictures = (before + 2 * pictures + after) / 4
    return pictures


def _step(still: np.ndarray, shifted: tuple[np.ndarray, np.ndarray, np.ndarray], maps: np.ndarray) -> np.ndarray:
    picture, across, down = shifted
    laid, inside = _warped(picture, maps)
    slope_x, _ = _warped(across, maps)
    slope_y, _ = _warped(down, maps)
    x, y = _GRID[None, None, :].astype(np.float32), _GRID[None, :, None].astype(np.float32)
    ones = np.ones_like(laid)
    columns = [slope_x * x, slope_x * y, slope_x, slope_y * x, slope_y * y, slope_y, -still, -ones]
    system = np.stack([(column * inside).reshape(len(still), -1) for column in columns], axis=1)
    error = ((still - laid) * inside).reshape(len(still), -1, 1)
    normal = system @ system.transpose(0, 2, 1) + np.eye(8, dtype=np.float32) * np.float32(0.5)
    change = np.linalg.solve(normal, system @ error)[:, :6, 0].reshape(-1, 2, 3)
    moved: np.ndarray = np.clip(maps + np.clip(change, -0.1, 0.1), -2, 2)
    return moved


def _warped(pictures: np.ndarray, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sample pictures where the maps lead, bilinearly; also return which samples lie inside."""
    grid = np.stack(np.meshgrid(_GRID, _GRID), axis=-1).reshape(-1, 2).astype(np.float32)
    places = grid @ maps[:, :, :2].transpose(0, 2, 1) + maps[:, None, :, 2]
    places = (places + 1) * (SIDE / 2) - 0.5
    inside = ((places > -0.6) & (places < SIDE - 0.4)).all(axis=2)
    places = np.clip(places, 0, SIDE - 1.001)
    low = places.astype(np.int32)
    part = places - low
    at = low[:, :, 1] * SIDE + low[:, :, 0] + (np.arange(len(pictures)) * SIDE * SIDE)[:, None]
    flat = np.ascontiguousarray(pictures).reshape(-1)
    top = flat[at] * (1 - part[:, :, 0]) + flat[at + 1] * part[:, :, 0]
    bottom = flat[at + SIDE] * (1 - part[:, :, 0]) + flat[at + SIDE + 1] * part[:, :, 0]
    laid = top * (1 - part[:, :, 1]) + bottom * part[:, :, 1]
    shape = (len(pictures), SIDE, SIDE)
    return laid.reshape(shape).astype(np.float32), inside.reshape(shape)


def _correlation(left: np.ndarray, right: np.ndarray, inside: np.ndarray) -> np.ndarray:
    count = np.maximum(inside.sum(axis=(1, 2)), 1)
    left = (left - ((left * inside).sum(axis=(1, 2)) / count)[:, None, None]) * inside
    right = (right - ((right * inside).sum(axis=(1, 2)) / count)[:, None, None]) * inside
    scale = np.sqrt((left**2).sum(axis=(1, 2)) * (right**2).sum(axis=(1, 2)))
    return np.asarray((left * right).sum(axis=(1, 2)) / np.maximum(scale, 1e-6), dtype=np.float32)


def _still(maps: np.ndarray) -> np.ndarray:
    """Say of which maps no corner leads further away than half a sample."""
    corners = np.array([[x, y, 1] for x in (-1, 1) for y in (-1, 1)], np.float32)
    moved = np.abs(corners @ maps.transpose(0, 2, 1) - corners[None, :, :2])
    return np.asarray(moved.max(axis=(1, 2)) < 1 / SIDE, dtype=bool)


def _possible(maps: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.abs(np.linalg.det(maps[:, :, :2].astype(np.float64))))
    lengths = np.linalg.norm(maps[:, :, :2], axis=1)
    shear = (maps[:, :, 0] * maps[:, :, 1]).sum(axis=1) / np.maximum(lengths.prod(axis=1), 1e-6)
    turn = np.abs(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    stretch = lengths.max(axis=1) / np.maximum(lengths.min(axis=1), 1e-6)
    shift = np.abs(maps[:, :, 2]).max(axis=1)
    fits = (size > 0.7) & (size < 1.43) & (stretch < 1.3) & (np.abs(shear) < 0.2) & (turn < 0.27) & (shift < 0.34)
    return np.asarray(fits, dtype=bool)
