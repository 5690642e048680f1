"""Measurements beside peers, one command each; see README.md."""
