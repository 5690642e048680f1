"""5 filter: one file or small folder per filter. A filter writes flags beside the items and decides nothing."""
