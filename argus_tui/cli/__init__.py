"""The command line: one module per group of commands. Nothing is imported here, so that each part loads alone."""
