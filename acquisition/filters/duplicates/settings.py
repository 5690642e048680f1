"""What a user may set for the search for copies."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from acquisition.settings import Column, ExpandablePath, FilterSettings, Name, Settings


class ReferenceSettings(Settings):
    """A set that items must not be copies of: a benchmark's test split, as files or as a published list of digests."""

    name: Name
    path: ExpandablePath | None = None
    """A file or a folder: texts, JSON Lines, CSV, Parquet, pictures, recordings."""
    digests: ExpandablePath | None = None
    """A list with one SHA-256 or MD5 in hexadecimal digits per line, as sha256sum and md5sum write them."""
    kind: Literal["any", "text", "table", "image", "audio"] = "any"
    """Only entries of this kind are taken from `path`."""
    text: Column | None = None
    """The column that holds the text, for tables; left out: rows as a whole, and every longer cell for itself."""

    @model_validator(mode="after")
    def _one_of_two(self) -> ReferenceSettings:
        if (self.path is None) == (self.digests is None):
            raise ValueError("a reference set needs either path or digests")
        return self


class EmbeddingModel(Settings):
    """A text-embedding model of the user's own, as ONNX, and the tokenizer that belongs to it. Nothing is downloaded."""

    model: ExpandablePath
    """The ONNX file: takes input_ids (and attention_mask, token_type_ids), gives one vector per token or per text."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    tokenizer: ExpandablePath
    """Its tokenizer.json."""
    output: str | None = None
    """Name of the output; the first one where it is not given."""
    pooling: Literal["mean", "first", "last"] = "mean"
    """How one vector is made of those of the tokens; a model that gives one per text has done it."""
    max_tokens: int = Field(default=256, ge=8, le=32_768)
    """What follows is not looked at."""
    prefix: str = ""
    """What the model wants to stand before every text ("query: ")."""
    batch: int = Field(default=32, ge=1, le=1024)


class EmbeddingSettings(Settings):
    """What says what is alike beyond words (paraphrases, translations): vectors that are there, or a model that makes them."""

    vectors: ExpandablePath | None = None
    """A Parquet file with the columns content_sha256 and vector (a list of numbers, one length for all)."""
    model: EmbeddingModel | None = None
    threshold: float = Field(default=0.95, ge=0.5, le=1)
    """Items whose vectors have at least this cosine are near copies."""

    @model_validator(mode="after")
    def _one_of_two(self) -> EmbeddingSettings:
        if (self.vectors is None) == (self.model is None):
            raise ValueError("embedding needs either vectors or a model")
        return self


class DuplicatesSettings(FilterSettings):
    """Which copy is kept, what counts as near, and what items must not be copies of."""

    prefer: tuple[str, ...] = ()
    """Names of sources whose copies are kept before others', after the license; then quality and the declared order decide."""
    threshold: float = Field(default=0.75, ge=0.5, le=1)
    """Texts with at least this Jaccard similarity are flagged as near; where words or letters are changed here and there, a
    little less in 5-character shingles is enough."""
    min_chars: int = Field(default=20, ge=10)
    """Texts with fewer letters and digits are compared exactly and in normal form, but not as near copies."""
    short_chars: int = Field(default=20, ge=0)
    """Equality of normal forms shorter than this scores 0.5 only: "Yes!" and "yes" may well be two samples."""
    max_cluster: int = Field(default=1000, ge=2)
    """Near links are not followed beyond clusters of this size."""
    against: tuple[ReferenceSettings, ...] = ()
    """Reference sets; an item that is in one of them, or holds a part of one, is contaminated."""
    window: int = Field(default=13, ge=8, le=50)
    """A run of this many words that an item shares with an entry of a reference set counts as contamination."""
    embedding: EmbeddingSettings | None = None

    def inputs(self) -> tuple[str, ...]:
        """Return the reference sets, and the vectors or the model with its tokenizer."""
        paths = [path for one in self.against for path in (one.path, one.digests) if path is not None]
        if self.embedding and self.embedding.vectors is not None:
            paths.append(self.embedding.vectors)
        if self.embedding and self.embedding.model is not None:
            paths += [self.embedding.model.model, self.embedding.model.tokenizer]
        return tuple(paths)
