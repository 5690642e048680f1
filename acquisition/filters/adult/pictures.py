"""Pictures, judged by a model that the user brings: an ONNX classifier, or an encoder and a head.

Everything that can be checked is checked when the model is loaded: the digest of the file, the names of input and output, the
number of dimensions, the side of the picture, and that the head takes what the encoder gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from acquisition.errors import FilterUnavailable
from acquisition.filters.adult.settings import PictureModel
from acquisition.filters.models import Seat, names_of, session

if TYPE_CHECKING:
    from PIL import Image

SEAT: Final = Seat("filters.adult.image", "picture model", "adult")
_TYPES: Final = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


class PictureJudge:
    """Scores pictures from 0 to 1; FilterUnavailable when package or model are not there or not what was described."""

    def __init__(self, settings: PictureModel, base: Path) -> None:
        self._settings = settings
        self._encoder = session(SEAT, base / settings.model, settings.sha256, "model")
        self._head = session(SEAT, base / settings.head, settings.head_sha256, "head") if settings.head else None
        self._input = _named(self._encoder.get_inputs(), settings.input, "input")
        self._output = _named(self._encoder.get_outputs(), settings.output, "output")
        self._check_input()
        last = self._output if self._head is None else self._check_head()
        self._check_classes(last)

    def arrays(self, image: Image.Image) -> np.ndarray:
        """Return one decoded picture as the model wants it: three channels of size × size, without the batch."""
        settings = self._settings
        pixels: np.ndarray = np.asarray(_fitted(_opaque(image), settings), np.float32)
        if settings.range == "unit":
            pixels = pixels / 255
        pixels = (pixels - np.array(settings.mean, np.float32)) / np.array(settings.std, np.float32)
        return pixels.transpose(2, 0, 1) if settings.layout == "NCHW" else pixels

    def scores(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Return one score per picture (float64)."""
        settings = self._settings
        kind = _TYPES[self._input.type]
        fixed = self._input.shape[0] if isinstance(self._input.shape[0], int) else None
        step = fixed or settings.batch
        found = []
        for at in range(0, len(pictures), step):
            part = list(pictures[at : at + step])
            real = len(part)
            part += [part[-1]] * ((fixed or real) - real)
            batch = np.stack(part).astype(kind)
            answer = np.asarray(self._encoder.run([self._output.name], {self._input.name: batch})[0], np.float64)
            if self._head is not None:
                answer = self._headed(answer)
            found.append(_activated(answer.reshape(len(part), -1), settings)[:real])
        return np.concatenate(found) if found else np.empty(0)

    def _headed(self, embedding: np.ndarray) -> np.ndarray:
        assert self._head is not None
        flat = embedding.reshape(len(embedding), -1)
        if self._settings.normalise:
            flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
        into = self._head.get_inputs()[0]
        return np.asarray(self._head.run(None, {into.name: flat.astype(_TYPES[into.type])})[0], np.float64)

    def _check_input(self) -> None:
        settings, shape = self._settings, self._input.shape
        if self._input.type not in _TYPES:
            raise _unfit(f"its input {self._input.name!r} takes {self._input.type}, not numbers of a picture")
        if len(shape) != 4:
            raise _unfit(f"its input {self._input.name!r} has {len(shape)} dimensions, a batch of pictures has 4")
        channels, sides = (shape[1], shape[2:]) if settings.layout == "NCHW" else (shape[3], shape[1:3])
        if isinstance(channels, int) and channels != 3:
            raise _unfit(f"its input {self._input.name!r} has {channels} channels in {settings.layout}; three are given")
        if any(isinstance(side, int) and side != settings.size for side in sides):
            raise _unfit(f"its input {self._input.name!r} wants {list(sides)} pixels, `size` says {settings.size}")

    def _check_head(self) -> Any:
        assert self._head is not None
        into = self._head.get_inputs()
        if len(into) != 1 or into[0].type not in _TYPES or len(into[0].shape) != 2:
            raise _unfit("the head does not take one batch of embeddings (two dimensions)")
        given, wanted = self._output.shape[-1], into[0].shape[1]
        if isinstance(given, int) and isinstance(wanted, int) and given != wanted:
            raise _unfit(f"the encoder gives {given} numbers per picture and the head takes {wanted}")
        return self._head.get_outputs()[0]

    def _check_classes(self, last: Any) -> None:
        classes = last.shape[-1] if last.shape else None
        if len(last.shape) == 1:
            classes = 1
        if isinstance(classes, int) and any(not -classes <= index < classes for index in self._settings.index):
            raise _unfit(f"its output has {classes} classes, `index` names {list(self._settings.index)}")


def _named(several: Sequence[Any], name: str | None, what: str) -> Any:
    found = [one for one in several if name is None or one.name == name]
    if not found or (what == "input" and len(several) != 1 and name is None):
        there = names_of(several)
        raise _unfit(f"it has no {what} {name!r}; there are: {there}" if name else f"it has several inputs: {there}")
    return found[0]


def _unfit(why: str) -> FilterUnavailable:
    return SEAT.unfit(why, "adult")


def _opaque(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def _fitted(image: Image.Image, settings: PictureModel) -> Image.Image:
    from PIL import Image, ImageOps

    way = {
        "nearest": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "lanczos": Image.Resampling.LANCZOS,
    }[settings.interpolation]
    square = (settings.size, settings.size)
    if settings.resize == "stretch":
        return image.resize(square, way)
    if settings.resize == "pad":
        return ImageOps.pad(image, square, way, color=(0, 0, 0))
    return ImageOps.fit(image, square, way)


def _activated(answer: np.ndarray, settings: PictureModel) -> np.ndarray:
    if settings.activation == "sigmoid":
        answer = 1 / (1 + np.exp(-np.clip(answer, -60, 60)))
    elif settings.activation == "softmax":
        powers = np.exp(answer - answer.max(axis=1, keepdims=True))
        answer = powers / powers.sum(axis=1, keepdims=True)
    chosen = answer[:, list(settings.index)].sum(axis=1)
    return np.where(np.isfinite(chosen), np.clip(chosen, 0, 1), np.nan)
