"""The HTTP server: a thin translation of `ChatClient`, one client for each signed-in request (docs/http-api.md)."""

API = "/api/v1"
"""What the address of every act begins with."""
