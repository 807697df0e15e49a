"""The numbers of the team server: `python -m benchmarks.team`."""
