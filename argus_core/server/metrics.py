"""Numbers for Prometheus: what comes in, what runs, how long it takes. No user, no text, no address."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from argus_core.domain import Generation
from argus_core.storage.base import Ending

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one port put their numbers together."""


class Metrics:
    """The numbers of one server process."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self.requests = Counter(
            "argus_requests", "Requests by route, method and status.", ["route", "method", "status"], registry=own
        )
        self.seconds = Histogram(
            "argus_request_seconds",
            "Seconds until an answer began.",
            ["route"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10),
            registry=own,
        )
        self.refused = Counter("argus_refused", "Requests refused, by status.", ["status"], registry=own)
        self.streams = Gauge("argus_streams", "Event streams open.", multiprocess_mode="livesum", registry=own)
        self.generations = Gauge("argus_generations", "Answers running.", multiprocess_mode="livesum", registry=own)
        self.answers = Counter("argus_answers", "Answers that ended here, by status.", ["status"], registry=own)
        self.tokens = Counter("argus_tokens", "Tokens of answers that ended here, by kind.", ["kind"], registry=own)
        self.micro_usd = Counter("argus_cost_micro_usd", "Millionths of a US dollar answers cost.", registry=own)

    def ended(self, generation: Generation, ending: Ending) -> None:
        """Count an answer that ended here."""
        self.answers.labels(ending.status).inc()
        if ending.usage is not None:
            self.tokens.labels("input").inc(ending.usage.input_tokens)
            self.tokens.labels("output").inc(ending.usage.output_tokens + ending.usage.thought_tokens)
            self.micro_usd.inc(ending.usage.cost_micro_usd or 0)

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them, those of the other workers of the port too."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
