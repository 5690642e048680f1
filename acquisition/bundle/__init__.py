"""A set in one piece, to be passed on: written as a directory or a tar, checked anywhere without a network."""

from acquisition.bundle.form import CODES
from acquisition.bundle.verify import Checked, manifest_of, verify
from acquisition.bundle.write import Bundled, BundleInputs, write

__all__ = ["CODES", "BundleInputs", "Bundled", "Checked", "manifest_of", "verify", "write"]
