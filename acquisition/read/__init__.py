"""From bytes to items: one reader per format, and the way to them through compression and archives."""

from acquisition.content import FileBinary
from acquisition.read.asset import read_asset

__all__ = ["FileBinary", "read_asset"]
