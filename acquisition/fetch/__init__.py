"""The strict downloader: moves all bytes of hub assets, resumable, paced and verified. See docs/decisions/0003."""

from acquisition.fetch.downloader import Downloader, sweep_parts
from acquisition.fetch.transfer import Arrived, DownloadLimits, Failed, Transfer

__all__ = ["Arrived", "DownloadLimits", "Downloader", "Failed", "Transfer", "sweep_parts"]
