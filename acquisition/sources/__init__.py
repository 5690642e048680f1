"""Adapters, one file per kind of source: each resolves a declared source to a pinned release and says where bytes are."""
