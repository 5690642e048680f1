"""A small world on loopback: servers that speak the hubs' real protocols, faults on request, and data made on the spot."""
