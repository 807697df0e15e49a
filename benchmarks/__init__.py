"""Measurements: what the figures of the README and of RESULTS.md are made with."""
