"""The newest forecasts as rows; each new one is told to the world as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from larrey.demand.v1 import demand_pb2, events_pb2
from services.demand.adapters.store.bulk import among
from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.forecasts import Forecast
from services.demand.wire.forecasts import forecast_from_wire, forecast_to_wire
from shared.storage import Transaction, upsert


class SqlForecasts:
    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self._tx = tx
        self._table = tables.forecast

    def newest(self, site_id: str, item_id: str) -> Forecast | None:
        table = self._table
        query = select(table.c.message).where(
            (table.c.site_id == site_id) & (table.c.item_id == item_id)
        )
        message = self._tx.connection.execute(query).scalar()
        return None if message is None else _read(message)

    def put(self, forecasts: Sequence[Forecast]) -> None:
        """A forecast told twice by a run that was resumed is the same event.

        Peaks of equipment are told to nobody: who listens would order them as if used up.
        """
        messages = [(forecast, forecast_to_wire(forecast)) for forecast in forecasts]
        upsert(
            self._tx.connection,
            self._table,
            [
                {
                    "site_id": forecast.site_id,
                    "item_id": forecast.item_id,
                    "run_id": forecast.run_id,
                    "made_us": micros(forecast.made_time),
                    "message": message.SerializeToString(deterministic=True),
                }
                for forecast, message in messages
            ],
            key=["site_id", "item_id"],
        )
        for forecast, message in messages:
            if forecast.peak:
                continue
            self._tx.publish(
                events_pb2.ForecastPublished(item_id=forecast.item_id, forecast=message),
                event_id=f"forecast:{forecast.run_id}:{forecast.site_id}:{forecast.item_id}",
            )

    def some(
        self,
        site_ids: Sequence[str],
        item_ids: Sequence[str],
        after: tuple[str, str] | None,
        limit: int,
    ) -> Sequence[Forecast]:
        table, connection = self._table, self._tx.connection
        query = select(table.c.message).order_by(table.c.site_id, table.c.item_id).limit(limit)
        if after is not None:
            site, item = after
            same_site = and_(table.c.site_id == site, table.c.item_id > item)
            query = query.where(or_(table.c.site_id > site, same_site))
        if site_ids:
            query = query.where(among(connection, table.c.site_id, site_ids))
        if item_ids:
            query = query.where(among(connection, table.c.item_id, item_ids))
        return [_read(message) for message in connection.execute(query).scalars()]

    def newest_made(self) -> datetime | None:
        newest = self._tx.connection.execute(select(func.max(self._table.c.made_us))).scalar()
        return None if newest is None else from_micros(int(newest))


def _read(message: bytes) -> Forecast:
    return forecast_from_wire(demand_pb2.Forecast.FromString(message))
