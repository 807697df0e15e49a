"""Argus's core: conversations, durable generations, storage, providers. It knows no screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argus_core.facade import JarvisArgus

__all__ = ["JarvisArgus"]


def __getattr__(name: str) -> object:
    """Load the facade when it is asked for: importing one module of the core must not load the others."""
    if name == "JarvisArgus":
        from argus_core.facade import JarvisArgus

        return JarvisArgus
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
