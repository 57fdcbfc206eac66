"""The server kit: grpc.aio with health, reflection, deadlines, validation and metrics."""

from shared.rpc.client import channel, refusal_of
from shared.rpc.server import Server
from shared.rpc.status import refusal_row
from shared.rpc.threads import in_thread
from shared.rpc.validation import validate

__all__ = ["Server", "channel", "in_thread", "refusal_of", "refusal_row", "validate"]
