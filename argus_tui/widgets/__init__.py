"""The parts the screens are made of; none knows a screen or a client."""
