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
        self._registry = CollectorRegistry()
        add = {"registry": self._registry}
        self.requests = Counter(
            "argus_requests", "Requests by route, method and status.", ["route", "method", "status"], **add
        )
        self.seconds = Histogram(
            "argus_request_seconds",
            "Seconds until an answer began.",
            ["route"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10),
            **add,
        )
        self.refused = Counter(
            "argus_refused", "Requests refused by a limit or a missing sign-in, by code.", ["code"], **add
        )
        self.streams = Gauge("argus_streams", "Event streams that are open.", multiprocess_mode="livesum", **add)
        self.generations = Gauge("argus_generations", "Answers that run.", multiprocess_mode="livesum", **add)
        self.answers = Counter("argus_answers", "Answers that this process ended, by status.", ["status"], **add)
        self.tokens = Counter("argus_tokens", "Tokens of answers that this process ended, by kind.", ["kind"], **add)
        self.micro_usd = Counter("argus_cost_micro_usd", "Millionths of a US dollar that answers cost.", **add)

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
