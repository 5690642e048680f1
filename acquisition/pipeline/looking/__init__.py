"""Looking without moving: the declaration, what stands, what changed, and whether it is all still true."""
