"""The services that answer: `base` says what a provider promises, each driver keeps it."""
