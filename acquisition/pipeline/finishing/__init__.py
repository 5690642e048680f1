"""The end of the line: the curated set and the manifest, unless both stand already for exactly these inputs."""
