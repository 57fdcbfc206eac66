"""Facts between services: the log they travel on, the relay out and the consumer in."""

from shared.events.consumer import Consumer
from shared.events.event import Event, decode, event_of, topic_of
from shared.events.intake import Handler
from shared.events.log import Delivery, EventLog, Subscription
from shared.events.opening import open_log
from shared.events.relay import Relay

__all__ = [
    "Consumer",
    "Delivery",
    "Event",
    "EventLog",
    "Handler",
    "Relay",
    "Subscription",
    "decode",
    "event_of",
    "open_log",
    "topic_of",
]
