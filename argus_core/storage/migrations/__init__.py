"""The numbered steps of the SQLite schema, append-only: a store at version `n` has had the first `n` of them.

A step that has been released is never edited. `tests/support/stores` keeps a store of each older version, and
`tests/unit/test_sqlite_migrations.py` brings every one of them up to date.
"""

from argus_core.storage.migrations import (
    v0001_conversations,
    v0002_search,
    v0003_accounts,
    v0004_truncated,
    v0005_shares,
)

STEPS = (
    v0001_conversations.upgrade,
    v0002_search.upgrade,
    v0003_accounts.upgrade,
    v0004_truncated.upgrade,
    v0005_shares.upgrade,
)
"""Each is called with a connection inside a transaction that also writes the new version."""

__all__ = ["STEPS"]
