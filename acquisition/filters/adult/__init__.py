"""Adult and toxic content: wording, addresses, and pictures by a model of the user's."""

from acquisition.filters.adult.adult import Adult
from acquisition.filters.adult.settings import AdultSettings, PictureModel

__all__ = ["Adult", "AdultSettings", "PictureModel"]
