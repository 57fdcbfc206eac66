"""Forecast runs as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.forecasts import Finding, Outcome
from services.demand.domain.history_files import Target
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunOrder, RunState
from shared.storage import upsert

FINDINGS_SHOWN = 1000
# Stands for the period of a run whose grids are chosen item by item.
AUTO = "AUTO"


class SqlRuns:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._run = tables.run
        self._finding = tables.finding
        self._forecast = tables.forecast

    def add(self, run: Run, request_key: str) -> bool:
        last = self._connection.execute(select(func.max(self._run.c.seq))).scalar()
        row = {
            "run_id": run.run_id,
            "request_key": request_key or None,
            "state": run.state.value,
            "period": AUTO if run.order.auto else run.order.period.value,
            "horizon": run.order.horizon,
            "as_of": run.order.as_of,
            "site_ids": json.dumps(run.order.site_ids),
            "item_ids": json.dumps(run.order.item_ids),
            "series": run.series,
            "series_done": run.series_done,
            "start_us": micros(run.start_time),
            "end_us": None if run.end_time is None else micros(run.end_time),
            "failure": run.failure,
            "seq": (last or 0) + 1,
            "lead": run.order.lead,
            "target": run.order.target.value,
            "update_only": run.order.update,
        }
        written = upsert(self._connection, self._run, [row], key=["request_key"], update=[])
        return written == 1

    def get(self, run_id: str) -> Run | None:
        return self._one(self._run.c.run_id == run_id)

    def by_key(self, request_key: str) -> Run | None:
        return self._one(self._run.c.request_key == request_key)

    def _one(self, condition: Any) -> Run | None:
        row = self._connection.execute(select(self._run).where(condition)).first()
        if row is None:
            return None
        return Run(
            run_id=row.run_id,
            order=RunOrder(
                Period.DAY if row.period == AUTO else Period(row.period),
                row.horizon,
                row.as_of,
                tuple(json.loads(row.site_ids)),
                tuple(json.loads(row.item_ids)),
                row.lead,
                Target(row.target),
                row.period == AUTO,
                row.update_only,
            ),
            state=RunState(row.state),
            series=row.series,
            series_done=row.series_done,
            start_time=from_micros(row.start_us),
            end_time=None if row.end_us is None else from_micros(row.end_us),
            failure=row.failure,
            findings=self._findings(row.run_id),
        )

    def _findings(self, run_id: str) -> tuple[Finding, ...]:
        table = self._finding
        rows = self._connection.execute(
            select(table)
            .where(table.c.run_id == run_id)
            .order_by(table.c.site_id, table.c.item_id)
            .limit(FINDINGS_SHOWN)
        )
        return tuple(Finding(r.item_id, r.site_id, r.reason, r.message) for r in rows)

    def unfinished(self) -> Sequence[str]:
        states = [state.value for state in RunState if not state.ended]
        return self._ids(self._run.c.state.in_(states))

    def failed_since(self, instant: datetime) -> Sequence[str]:
        failed = self._run.c.state == RunState.FAILED.value
        return self._ids(failed & (self._run.c.end_us >= micros(instant)))

    def _ids(self, condition: Any) -> Sequence[str]:
        query = select(self._run.c.run_id).where(condition).order_by(self._run.c.seq)
        return list(self._connection.execute(query).scalars())

    def set_state(
        self, run_id: str, state: RunState, *, end_time: datetime | None = None, failure: str = ""
    ) -> None:
        self._set(
            run_id,
            state=state.value,
            end_us=None if end_time is None else micros(end_time),
            failure=failure,
        )

    def set_series(self, run_id: str, series: int, done: int) -> None:
        self._set(run_id, series=series, series_done=done)

    def _set(self, run_id: str, **values: Any) -> None:
        self._connection.execute(
            update(self._run).where(self._run.c.run_id == run_id).values(**values)
        )

    def advance(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        self._set(run_id, series_done=self._run.c.series_done + len(outcomes))
        self._note(run_id, [(o.finding, o.forecast is not None) for o in outcomes if o.finding])

    def note(self, run_id: str, finding: Finding) -> None:
        self._note(run_id, [(finding, True)])

    def _note(self, run_id: str, findings: Sequence[tuple[Finding, bool]]) -> None:
        upsert(
            self._connection,
            self._finding,
            [
                {
                    "run_id": run_id,
                    "item_id": finding.item_id,
                    "site_id": finding.site_id,
                    "forecast": forecast,
                    "reason": finding.reason,
                    "message": finding.message,
                }
                for finding, forecast in findings
            ],
            key=["run_id", "item_id", "site_id"],
        )

    def done_in(self, run_id: str) -> frozenset[tuple[str, str]]:
        forecast, finding = self._forecast, self._finding
        made = select(forecast.c.item_id, forecast.c.site_id).where(forecast.c.run_id == run_id)
        refused = select(finding.c.item_id, finding.c.site_id).where(
            (finding.c.run_id == run_id) & ~finding.c.forecast
        )
        rows = [*self._connection.execute(made), *self._connection.execute(refused)]
        return frozenset((row.item_id, row.site_id) for row in rows)
