"""Text: what may reach a screen, and how words are found again."""
