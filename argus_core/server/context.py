"""What all requests of a process share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from argus_core.auth.service import Auth, Identity
from argus_core.client.local import LocalClient, Services
from argus_core.server.answer_stream import Frames
from argus_core.server.callers import Callers
from argus_core.server.intake import Rooms, new_rooms
from argus_core.server.metrics import Metrics
from argus_core.server.room import Turns
from argus_core.server.streams import Streams
from argus_core.server.uploads import Uploads
from argus_core.settings import Secret

DEAR = 4
"""So many long answers are made at once."""
DEAR_OF_USER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerContext:
    """The services behind the endpoints, and what the operator has set."""

    services: Services
    auth: Auth
    metrics: Metrics
    streams: Streams
    version: str
    address_requests_per_minute: int | None = None
    metrics_key: Secret | None = field(default=None, repr=False)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process is about to end: it takes no new questions."""
    uploads: Uploads = field(default_factory=Uploads)
    turns: Turns = field(default_factory=lambda: Turns(DEAR, DEAR_OF_USER))
    """At answers that may be long."""
    rooms: Rooms = field(default_factory=new_rooms)
    frames: Frames = field(default_factory=Frames)
    callers: Callers = field(default_factory=Callers)
    is_only_process: bool = True
    """No other worker shares the port, so a key kept here is known to all."""

    def client_of(self, identity: Identity, client_id: str = "") -> LocalClient:
        """Return the client of whoever asks."""
        return LocalClient(self.services, identity.user, session_id=identity.session_id, client_id=client_id)
