"""Tests: unit, contract, flow, network."""
