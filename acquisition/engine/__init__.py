"""Runs pure functions over shards."""
