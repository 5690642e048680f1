"""What a user may say of the filter for adult and toxic content."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from acquisition.settings import FilterSettings, Settings


class PictureModel(Settings):
    """An ONNX classifier of pictures, or an encoder with a head: what it expects, and what its answer means.

    Defaults are those of CLIP encoders; docs/flags.md explains each. Nothing is downloaded.
    """

    model: str
    """Path of the encoder, or of a whole classifier, relative to sources.yaml."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    head: str | None = None
    """Path of a second model that takes the first one's output (CLIP-based NSFW heads)."""
    head_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    input: str | None = None
    """Name of the input; the only one where it is not given."""
    output: str | None = None
    """Name of the (encoder's) output; the first one where it is not given."""
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    size: int = Field(default=224, ge=8, le=1024)
    """Side of the square that the model wants."""
    resize: Literal["crop", "stretch", "pad"] = "crop"
    """Shorter side to `size` and the middle cut out; both sides to `size`; or longer side to `size` on black."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    range: Literal["unit", "octet"] = "unit"
    """Pixels from 0 to 1 or from 0 to 255 before mean and deviation."""
    mean: tuple[float, float, float] = Field(default=(0.48145466, 0.4578275, 0.40821073), strict=False)
    std: tuple[float, float, float] = Field(default=(0.26862954, 0.26130258, 0.27577711), strict=False)
    normalise: bool = True
    """Divide an embedding by its length before the head; without a head it means nothing."""
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    """What turns the last output into a number from 0 to 1."""
    index: tuple[int, ...] = (-1,)
    """Which classes count as adult; their scores are added."""
    threshold: float = Field(default=0.5, ge=0, le=1, strict=False)
    """From this score on a picture is flagged; choose it on pictures of your own."""
    batch: int = Field(default=16, ge=1, le=256)

    @model_validator(mode="after")
    def _deviations(self) -> Self:
        if any(value <= 0 for value in self.std):
            raise ValueError("std holds a number that is not above 0")
        return self


class AdultSettings(FilterSettings):
    """Lists by path, what makes hits enough, and the model for pictures."""

    words: tuple[str, ...] = ()
    """Files of terms of adult text, one per line, or folders of such files."""
    toxic: tuple[str, ...] = ()
    """The same for insults and hate."""
    urls: tuple[str, ...] = ()
    """Files of domains, hosts files, or addresses, one per line."""
    allow: tuple[str, ...] = ()
    """The same for hosts that are never flagged."""
    own: bool = True
    """Use our own list of adult-site wording and host names as well."""
    min_terms: int = Field(default=3, ge=1)
    """Different listed terms that it takes."""
    rate: float = Field(default=0.02, ge=0, le=1, strict=False)
    """Listed terms per word that it takes."""
    image: PictureModel | None = None

    def inputs(self) -> tuple[str, ...]:
        """Return the lists and the models."""
        models = (self.image.model, self.image.head) if self.image is not None else ()
        return (*self.words, *self.toxic, *self.urls, *self.allow, *(path for path in models if path))
