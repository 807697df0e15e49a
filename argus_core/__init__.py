"""Argus's core: conversations, durable generations, storage, providers. It knows no screen."""
