"""Taking items down: what is named and what goes with it, the cut through what is staged, and the bytes."""
