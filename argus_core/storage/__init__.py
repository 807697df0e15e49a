"""Where conversations are kept: `base` says what a storage promises, each driver keeps it."""
