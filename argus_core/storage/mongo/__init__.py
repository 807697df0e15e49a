"""The storage of a team: MongoDB, shared by any number of processes.

Rules that carry it: every write is acknowledged by a majority and every read sees only what a majority has, so nothing
that was shown is ever taken back; no transaction, but an order of writes whose every prefix is a valid state and whose
repetition changes nothing; a generation's document is the record of what its turn still has to write. Field names never
come from a user, there is no regular expression and no `$where`, and what is compared as text is text.
"""

from argus_core.storage.mongo.driver import MongoStorage

__all__ = ["MongoStorage"]
