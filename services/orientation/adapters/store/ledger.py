"""The decision log in SQL: appended at the end of a transaction, read back in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, MetaData, bindparam, delete, insert, select, update

from services.orientation.adapters.store.tables import Tables, tables
from services.orientation.domain.ledger import (
    Anchor,
    Checkpoint,
    Entry,
    Linked,
    Verdict,
    checkpoint,
    link,
    verify,
)
from shared.errors import NotNow
from shared.storage import Batch, Database, Query

BATCH = 1000
LEDGER_COLUMNS = ("seq", "hash", "kind", "at_us", "case_key", "body")


class Appending:
    """Adds entries at the end of a transaction; its statements are put together once."""

    def __init__(self, at: Tables) -> None:
        head = at.ledger_head
        self._head = Query(select(head.c.seq, head.c.hash).where(head.c.id == 1).with_for_update())
        self._add = Batch(insert(at.ledger), LEDGER_COLUMNS)
        self._move = Batch(
            update(head)
            .where(head.c.id == 1)
            .values(seq=bindparam("last_seq"), hash=bindparam("last_hash")),
            ("last_seq", "last_hash"),
        )

    def __call__(self, connection: Connection, entries: Sequence[tuple[Entry, str]]) -> None:
        """(entry, case key) in this order. The row of the head makes writers queue."""
        (row,) = self._head.rows(connection)
        last = Anchor(row.seq, row.hash)
        rows = []
        for entry, case_key in entries:
            linked = link(last, entry)
            seq, hashed = linked.seq, linked.hash
            rows.append((seq, hashed, entry.kind, entry.at_us, case_key, entry.body))
            last = Anchor(seq, hashed)
        self._add.write(connection, rows)
        self._move.write(connection, [(last.seq, last.hash)])


class SqlLedger:
    """Reads, verifies and shortens the log of one store."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret
        self._at = tables(MetaData())

    def rows(self) -> Iterator[Linked]:
        """Every entry that is left, in order, a batch at a time."""
        at, seq = self._at.ledger, 0
        while True:
            query = select(at).where(at.c.seq > seq).order_by(at.c.seq).limit(BATCH)
            with self._database.read() as tx:
                found = tx.connection.execute(query).mappings().all()
            for row in found:
                entry = Entry(row["kind"], row["at_us"], row["body"])
                yield Linked(row["seq"], row["hash"], entry)
            if len(found) < BATCH:
                return
            seq = found[-1]["seq"]

    def start(self) -> Checkpoint | None:
        """The newest checkpoint: what is left begins after it."""
        at = self._at.ledger_checkpoints
        with self._database.read() as tx:
            query = select(at).order_by(at.c.seq.desc()).limit(1)
            row = tx.connection.execute(query).mappings().first()
        if row is None:
            return None
        return Checkpoint(row["seq"], row["hash"], row["at_us"], row["signature"])

    def head(self) -> Anchor:
        at = self._at.ledger_head
        with self._database.read() as tx:
            row = tx.connection.execute(select(at).where(at.c.id == 1)).one()
        return Anchor(row.seq, row.hash)

    def verify(self) -> Verdict:
        """Entries that come in while it reads are not looked at."""
        start, head = self.start(), self.head()
        rows = (row for row in self.rows() if row.seq <= head.seq)
        return verify(rows, start, head, self._secret)

    def prune(self, before_us: int, now_us: int) -> int:
        """Removes every entry up to the last one older than `before_us`; returns how many.

        Refuses NotNow LEDGER_BROKEN when the log does not verify: what was tampered with
        must be looked at, not thrown away.
        """
        verdict = self.verify()
        if not verdict.sound:
            raise NotNow(
                "LEDGER_BROKEN",
                f"The log does not verify at entry {verdict.broken_at}: {verdict.why}. Nothing "
                "was removed. Keep a copy of the store and find out what happened.",
            )
        at, checkpoints = self._at.ledger, self._at.ledger_checkpoints
        with self._database.transaction() as tx:
            # the prefix ends before the first entry that is young enough to stay
            young = select(at.c.seq).where(at.c.at_us >= before_us).order_by(at.c.seq).limit(1)
            first_kept = tx.connection.execute(young).scalar()
            query = select(at).order_by(at.c.seq.desc()).limit(1)
            if first_kept is not None:
                query = query.where(at.c.seq < first_kept)
            row = tx.connection.execute(query).mappings().first()
            if row is None:
                return 0
            last = Linked(row["seq"], row["hash"], Entry(row["kind"], row["at_us"], row["body"]))
            mark = checkpoint(self._secret, last, now_us)
            tx.connection.execute(
                insert(checkpoints).values(
                    seq=mark.seq, hash=mark.hash, at_us=mark.at_us, signature=mark.signature
                )
            )
            gone = tx.connection.execute(delete(at).where(at.c.seq <= mark.seq))
            return int(gone.rowcount)
