"""What the webhook server counts, in the format of Prometheus (prometheus.io/docs/concepts)."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from perfbot.bot.database import DatabaseError
from perfbot.bot.inbox import Inbox

_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 10.0)


class _InboxGauges(Collector):
    """Asks the inbox at every scrape; says nothing while it cannot be reached."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the gauges without asking the database."""
        yield GaugeMetricFamily("perfbot_inbox_waiting", "Deliveries that wait for the sweeper")
        yield GaugeMetricFamily("perfbot_inbox_oldest_seconds", "Age of the oldest that waits")

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges as they are now."""
        try:
            waiting = self._inbox.waiting()
        except DatabaseError:
            return
        for family, value in zip(
            self.describe(), (waiting.deliveries, waiting.oldest_s), strict=True
        ):
            family.add_metric([], value)
            yield family


class Metrics:
    """The counters of one server; labels come from closed lists, so that strangers cannot grow them."""

    def __init__(self, inbox: Inbox) -> None:
        self._registry = CollectorRegistry()
        self._deliveries = Counter(
            "perfbot_deliveries",
            "Requests to the webhook by event and outcome",
            ("event", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "perfbot_delivery_seconds",
            "Time to answer a request to the webhook",
            buckets=_BOUNDS_S,
            registry=self._registry,
        )
        self._registry.register(_InboxGauges(inbox))

    def delivered(self, event: str, outcome: str, duration_s: float) -> None:
        """Count one request that was answered."""
        self._deliveries.labels(event, outcome).inc()
        self._seconds.observe(duration_s)

    def page(self) -> tuple[bytes, str]:
        """Return what Prometheus reads, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4
