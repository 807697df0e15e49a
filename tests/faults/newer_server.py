"""A server of the next release: `argus serve` whose database schema has one step more, an index."""

from __future__ import annotations

from typing import Any

from argus_core.storage.mongo import schema


async def _one_more(db: Any) -> None:
    await db.conversations.create_index({"user_id": 1, "created_at": 1}, name="of_the_next_release")


def main() -> None:
    """Put the step behind the others and be `argus`."""
    from argus_tui.__main__ import main as argus

    schema.STEPS = (*schema.STEPS, _one_more)
    schema.VERSION = len(schema.STEPS)
    argus()


if __name__ == "__main__":
    main()
