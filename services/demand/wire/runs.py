"""Runs, signals and page tokens between protobuf and the domain."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable

from larrey.catalogue.v1 import catalogue_pb2
from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.drivers.signals import Reported
from services.demand.domain.runs import Run
from services.demand.domain.signals import DaySignal
from services.demand.wire.dates import date_from_wire, date_to_wire, instant_to_wire
from services.demand.wire.forecasts import period_to_wire, target_to_wire
from shared.errors import Malformed


def run_to_wire(run: Run) -> pb.ForecastRun:
    return pb.ForecastRun(
        run_id=run.run_id,
        state=pb.RunState.Value(f"RUN_STATE_{run.state.value}"),
        period=pb.PERIOD_AUTO if run.order.auto else period_to_wire(run.order.period),
        horizon=run.order.horizon,
        series=run.series,
        series_done=run.series_done,
        findings=[
            catalogue_pb2.RowRefusal(
                row=row, id=finding.series, reason=finding.reason, message=finding.message
            )
            for row, finding in enumerate(run.findings)
        ],
        start_time=instant_to_wire(run.start_time),
        end_time=None if run.end_time is None else instant_to_wire(run.end_time),
        failure=run.failure,
        lead_time=run.order.lead,
        target=target_to_wire(run.order.target),
        update_only=run.order.update,
    )


def signal_to_wire(signal: DaySignal) -> pb.Signal:
    return pb.Signal(
        day=date_to_wire(signal.day),
        syndrome_group=signal.group,
        calls=signal.calls,
        item_classes=signal.item_classes,
    )


def reported_from_wire(values: Iterable[pb.SignalValue]) -> list[Reported]:
    """Values of signals from outside. Malformed DAY_MALFORMED with the row."""
    found = []
    for row, one in enumerate(values):
        try:
            published = date_from_wire(one.published)
        except (ValueError, OverflowError):
            raise Malformed(
                "DAY_MALFORMED",
                "The day is missing or no day of the calendar. Send year, month and day.",
                field=f"values[{row}].published",
            ) from None
        found.append(Reported(one.name, published, one.value))
    return found


def token_of(site_filter: str, after: tuple[str, str]) -> str:
    """An opaque token: where the next page starts, and of which list."""
    text = json.dumps([site_filter, *after], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def after_token(token: str, site_filter: str) -> tuple[str, str] | None:
    """(site, item) after which a page starts. Malformed PAGE_TOKEN_BAD."""
    if not token:
        return None
    try:
        parts = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        parts = None
    match parts:
        case [str() as same, str() as site, str() as item] if (
            same == site_filter and (site + item).isprintable()
        ):
            return site, item
    raise Malformed(
        "PAGE_TOKEN_BAD",
        "This page token was not given for this list. Send next_page_token as it came, with "
        "the same site_id, or leave it empty to start again.",
        field="page_token",
    )
