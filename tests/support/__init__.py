"""Things tests share: stand-in servers, builders, fixed clocks."""
