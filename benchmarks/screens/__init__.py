"""`make screens`: the real program, drawn to `docs/screens/*.png`."""
