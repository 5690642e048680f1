"""Decodes pictures and recordings once per shard and process and measures everything that filters ask of them."""

from acquisition.filters.media.images import ImageLook
from acquisition.filters.media.looks import Looks
from acquisition.filters.media.sounds import SoundLook

__all__ = ["ImageLook", "Looks", "SoundLook"]
