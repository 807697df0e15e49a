"""Markdown and pictures to rows of styled text. No widget in here."""
