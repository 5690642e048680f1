"""The lock and the plan as promises: pins, drift, updates, plan files, and what a plan weighs."""
