"""A service's own database: rows, outgoing facts and incoming facts in one transaction."""

from shared.storage.batches import Batch, Query
from shared.storage.database import Database
from shared.storage.transaction import Transaction
from shared.storage.upserts import upsert

__all__ = ["Batch", "Database", "Query", "Transaction", "upsert"]
