"""The screens: they know the client and the widgets; a worker watches an answer, the core owns it."""
