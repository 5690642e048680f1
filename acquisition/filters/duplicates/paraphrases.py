"""The other seat for embeddings: a model of the user's own makes the vectors while items are signed.

What is expected (sentence-transformers and most text-embedding models export to it): an ONNX file that takes `input_ids` and,
where it has them, `attention_mask` and `token_type_ids` (batch × tokens, int64 or int32), and gives either one vector per token
(batch × tokens × width, pooled here) or one per text (batch × width); and the `tokenizer.json` that belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from acquisition.errors import FilterUnavailable
from acquisition.filters.duplicates.settings import EmbeddingModel
from acquisition.filters.models import Seat, names_of, session

SEAT: Final = Seat("filters.duplicates.embedding.model", "text model", "embedding")
VECTOR: Final = pa.field("vector", pa.binary())
"""A text's vector of length 1 as float16 octets, null where none is made."""
_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
_INTEGERS: Final = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_LETTERS: Final = 20
"""Characters per token that are handed to the tokenizer at most: none of a longer text would reach the model."""


class Paraphrases:
    """Makes vectors; FilterUnavailable when packages or files are missing, or are not what was described."""

    def __init__(self, settings: EmbeddingModel, base: Path) -> None:
        self._settings = settings
        self._tokenizer = _tokenizer(settings, base)
        self._model = session(SEAT, base / Path(settings.model).expanduser(), settings.sha256, "model")
        self._inputs = self._checked_inputs()
        outputs = self._model.get_outputs()
        chosen = [one for one in outputs if settings.output in (None, one.name)]
        if not chosen:
            raise _unfit(f"it has no output {settings.output!r}; there are: {names_of(outputs)}")
        self._output = chosen[0]
        if len(self._output.shape) not in (2, 3):
            raise _unfit(f"its output {self._output.name!r} has {len(self._output.shape)} dimensions, not 2 or 3")

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 per text (float32, n × width); zeros for a text that the model has no vector for."""
        settings = self._settings
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), at))
        found: dict[int, np.ndarray] = {}
        for start in range(0, len(order), settings.batch):
            part = order[start : start + settings.batch]
            found |= dict(zip(part, self._embedded([texts[at] for at in part]), strict=True))
        made = np.stack([found[at] for at in range(len(texts))]) if texts else np.zeros((0, 1), np.float32)
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        usable = np.isfinite(norms) & (norms > 1e-12)
        return np.where(usable, made / np.where(usable, norms, 1), 0).astype(np.float32)

    def _embedded(self, texts: Sequence[str]) -> np.ndarray:
        most = self._settings.max_tokens
        prefix = self._settings.prefix
        starts = [text[: most * _LETTERS].encode("utf-8", "replace").decode() for text in texts]  # lone surrogates are no text
        told = self._tokenizer.encode_batch([prefix + start for start in starts])
        width = max(1, *(len(one.ids) for one in told))
        arrays = {name: np.zeros((len(told), width), np.int64) for name in _INPUTS}
        for row, one in enumerate(told):
            count = len(one.ids)
            arrays["input_ids"][row, :count] = one.ids
            arrays["attention_mask"][row, :count] = one.attention_mask
            arrays["token_type_ids"][row, :count] = one.type_ids
        fed = {one.name: arrays[one.name].astype(_INTEGERS[one.type]) for one in self._inputs}
        answer = np.asarray(self._model.run([self._output.name], fed)[0], np.float32)
        if answer.ndim not in (2, 3) or len(answer) != len(texts):
            raise _unfit(f"for {len(texts)} texts it gives an array of {answer.shape}")
        return answer if answer.ndim == 2 else _pooled(answer, arrays["attention_mask"], self._settings.pooling)

    def _checked_inputs(self) -> list[Any]:
        inputs: list[Any] = list(self._model.get_inputs())
        unknown = [one.name for one in inputs if one.name not in _INPUTS]
        if unknown or "input_ids" not in [one.name for one in inputs]:
            raise _unfit(f"its inputs are {names_of(inputs)}; {', '.join(_INPUTS)} are given")
        if wrong := [one.name for one in inputs if one.type not in _INTEGERS or len(one.shape) != 2]:
            raise _unfit(f"its inputs {', '.join(wrong)} do not take whole numbers in two dimensions")
        return inputs


def column(made: Paraphrases | None, texts: Iterator[tuple[int, bytes]], long_enough: np.ndarray, count: int) -> pa.Array:
    """Return the column VECTOR of a batch: of texts that are long enough; equal texts are embedded once."""
    told: list[bytes | None] = [None] * count
    if made is not None:
        wanted = {row: octets.decode("utf-8", "replace") for row, octets in texts if long_enough[row]}
        distinct = sorted(set(wanted.values()))
        vectors = made.vectors(distinct).astype(np.float16)
        known = {text: vector.tobytes() for text, vector in zip(distinct, vectors, strict=True) if vector.any()}
        for row, text in wanted.items():
            told[row] = known.get(text)
    return pa.array(told, VECTOR.type)


def _pooled(tokens: np.ndarray, mask: np.ndarray, pooling: str) -> np.ndarray:
    """Return one vector per text from one per token: their mean, the first one's, or the last one's that is no padding."""
    if mask.shape != tokens.shape[:2]:
        raise _unfit(f"it gives {tokens.shape[1]} vectors for {mask.shape[1]} tokens")
    if pooling == "first":
        return tokens[:, 0]
    if pooling == "last":
        last: np.ndarray = tokens[np.arange(len(tokens)), np.maximum(mask.sum(axis=1) - 1, 0)]
        return last
    weights = mask[:, :, None].astype(np.float32)
    mean: np.ndarray = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
    return mean


def _tokenizer(settings: EmbeddingModel, base: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise SEAT.missing("tokenizers") from error
    path = base / Path(settings.tokenizer).expanduser()
    data = SEAT.read(path, "tokenizer")
    try:
        made = Tokenizer.from_str(data.decode("utf-8"))
    except Exception as error:  # the package raises bare Exception
        raise FilterUnavailable(
            f"the tokenizer cannot be read: {str(error)[:200]}", where=f"{SEAT.where}.tokenizer: {path}"
        ) from error
    made.enable_truncation(settings.max_tokens)
    made.no_padding()
    return made


def _unfit(why: str) -> FilterUnavailable:
    return SEAT.unfit(why, "duplicates")
