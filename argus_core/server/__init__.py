"""The HTTP server: a thin translation of `ChatClient`, one client for each signed-in request (docs/http-api.md)."""
