"""Endpoints by resource; each reads its request, calls one method of a `ChatClient` and writes the answer."""
