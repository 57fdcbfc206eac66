"""What bad input gets, over gRPC: clock changes, returns, doubles, wrong units, ten years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import pytest

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from services.demand.tests.integration.running import (
    Running,
    Stub,
    batches,
    forecast_of,
    furnish,
    local,
    row,
    watch,
)
from services.demand.tests.situations import MONDAY, NANTES

YESTERDAY = MONDAY.date() - timedelta(days=1)
EVERY = ["GAPS", "DOUBLE", "RETURNS", "CONSTANT", "ZERO", "SHORT", "BILLION", "TEN-YEARS"]
# Instants in UTC, and the day in Paris on which each counts.
CLOCKS = {
    "before the clock goes forward": ("2025-03-30T00:30:00", date(2025, 3, 30)),
    "when 02:30 is skipped": ("2025-03-30T01:30:00", date(2025, 3, 30)),
    "the first 02:30 of autumn": ("2025-10-26T00:30:00", date(2025, 10, 26)),
    "the second 02:30 of autumn": ("2025-10-26T01:30:00", date(2025, 10, 26)),
    "half past midnight in winter": ("2025-01-14T23:30:00", date(2025, 1, 15)),
    "half past midnight in summer": ("2025-07-14T22:30:00", date(2025, 7, 15)),
    "half past eleven in summer": ("2025-07-14T21:30:00", date(2025, 7, 14)),
}


def days(count: int) -> list[date]:
    return [YESTERDAY - timedelta(days=k) for k in reversed(range(count))]


def back(movement: pb.Movement) -> pb.Movement:
    movement.reason = pb.MOVEMENT_REASON_RETURN
    movement.movement_id += "/back"
    return movement


def world() -> list[pb.Movement]:
    draws = np.random.default_rng(11)
    rows = [
        row(f"TEN-YEARS/{day}", "TEN-YEARS", day, float(draws.poisson(12))) for day in days(3650)
    ]
    for day in days(120):
        use = float(draws.poisson(9))
        if not 40 <= (YESTERDAY - day).days < 70:
            rows.append(row(f"GAPS/{day}", "GAPS", day, use))
        rows += [row(f"DOUBLE/{day}/{k}", "DOUBLE", day, 5.0) for k in (1, 2)]
        rows.append(row(f"CONSTANT/{day}", "CONSTANT", day, 4.0))
        rows.append(row(f"ZERO/{day}", "ZERO", day, 0.0))
        rows.append(row(f"RETURNS/{day}", "RETURNS", day, use))
        rows.append(row(f"BILLION/{day}", "BILLION", day, use))
    rows += [back(row(f"RETURNS/{d}", "RETURNS", d, 50.0)) for d in days(4)[:2]]
    rows.append(row("BILLION/typo", "BILLION", days(30)[0], 1e9))
    rows += [row(f"SHORT/{day}", "SHORT", day, 3.0) for day in days(3)]
    return rows


def clocks() -> list[pb.Movement]:
    """One movement at each of CLOCKS, told apart by its amount."""
    rows = []
    for place, (instant, _) in enumerate(CLOCKS.values()):
        made = row(f"clock/{place}", "CLOCKS", date(2025, 1, 1), float(2**place))
        made.occurred_time.FromDatetime(datetime.fromisoformat(instant).replace(tzinfo=UTC))
        rows.append(made)
    return rows


@pytest.fixture(scope="module")
def weeks(running_stub: Stub) -> dict[str, pb.Forecast]:
    """The forecasts of one run over all of it, by week, two years ahead."""
    furnish(running_stub, [*EVERY, "CLOCKS"])
    rows = [*world(), *clocks()]
    answer = running_stub.RecordConsumption(batches(rows), timeout=60)
    assert (answer.accepted, answer.refused) == (len(rows), 0)
    again = running_stub.RecordConsumption(batches(rows[-200:]), timeout=60)
    assert (again.accepted, again.duplicate) == (0, 200)
    order = pb.StartForecastRunRequest(period=pb.PERIOD_WEEK, horizon=105, item_ids=EVERY)
    run = watch(running_stub, running_stub.StartForecastRun(order, timeout=10).run.run_id)[-1]
    assert run.state == pb.RUN_STATE_DONE
    assert (run.series, run.series_done) == (len(EVERY), len(EVERY))
    assert not [finding for finding in run.findings if finding.id]
    return {name: forecast_of(running_stub, name) for name in EVERY}


@pytest.fixture(scope="module")
def forecast(running_stub: Stub, weeks: dict[str, pb.Forecast]) -> dict[str, pb.Forecast]:
    """The same items by day, a week ahead, each fitted while we wait."""
    assert weeks
    found = {}
    for name in EVERY:
        request = pb.ForecastItemRequest(
            item=local(name), site_id=NANTES, period=pb.PERIOD_DAY, horizon=7, fresh=True
        )
        found[name] = running_stub.ForecastItem(request, timeout=60).forecast
    return found


def first_mean(forecast: pb.Forecast) -> float:
    return forecast.periods[0].mean


@pytest.mark.parametrize("item_id", EVERY)
def test_every_history_gets_quantiles_that_never_cross_nor_go_below_zero(
    forecast: dict[str, pb.Forecast], weeks: dict[str, pb.Forecast], item_id: str
) -> None:
    for period in (*forecast[item_id].periods, *weeks[item_id].periods):
        assert list(period.quantiles) == sorted(period.quantiles)
        assert period.quantiles[0] >= 0
        assert np.isfinite(period.mean)


@pytest.mark.parametrize(
    ("item_id", "words"),
    [
        ("GAPS", "have no use and count as 0"),
        ("RETURNS", "more came back than went out"),
        ("CONSTANT", "The same amount in all"),
        ("ZERO", "Never used"),
        ("BILLION", "check them for a wrong unit"),
    ],
)
def test_what_is_odd_in_a_history_is_said(
    forecast: dict[str, pb.Forecast], item_id: str, words: str
) -> None:
    assert any(words in said for said in forecast[item_id].data_quality)


@pytest.mark.parametrize("item_id", ["ZERO", "SHORT", "BILLION"])
def test_what_must_not_be_trusted_says_so_with_the_reason(
    forecast: dict[str, pb.Forecast], item_id: str
) -> None:
    assert forecast[item_id].cautions
    assert all("." in said or ":" in said for said in forecast[item_id].cautions)


def test_movements_of_one_day_add_up_and_the_same_one_twice_counts_once(
    forecast: dict[str, pb.Forecast],
) -> None:
    assert first_mean(forecast["DOUBLE"]) == pytest.approx(10, rel=0.2)


def test_one_amount_of_a_billion_does_not_move_the_forecast(
    forecast: dict[str, pb.Forecast],
) -> None:
    assert first_mean(forecast["BILLION"]) < 30


def test_ten_years_of_days_are_forecast_like_any_other(forecast: dict[str, pb.Forecast]) -> None:
    assert first_mean(forecast["TEN-YEARS"]) == pytest.approx(12, rel=0.25)
    assert not forecast["TEN-YEARS"].cautions


def test_a_calendar_that_ends_is_said_and_the_forecast_is_made_without_it(
    weeks: dict[str, pb.Forecast],
) -> None:
    assert len(weeks["TEN-YEARS"].periods) == 105
    assert any("calendar ends before" in said for said in weeks["TEN-YEARS"].data_quality)


@pytest.mark.usefixtures("weeks")
def test_a_movement_counts_on_the_day_that_it_is_in_the_services_time_zone(
    running: Running,
) -> None:
    files = str(running.folder / "data" / "history" / "*.parquet")
    found = duckdb.execute(
        "SELECT amount, DATE '1970-01-01' + day FROM read_parquet(?) WHERE item_id = 'CLOCKS'",
        [files],
    ).fetchall()
    assert {int(amount): day for amount, day in found} == {
        2**place: day for place, (_, day) in enumerate(CLOCKS.values())
    }


def test_an_amount_that_is_no_number_is_refused_with_its_field(stub: Stub) -> None:
    furnish(stub, ["NO-NUMBER"])
    good = row("nan/2", "NO-NUMBER", YESTERDAY, 1.0)
    bad = pb.Movement(
        movement_id="nan/1",
        site_id=NANTES,
        item=local("NO-NUMBER"),
        quantity=catalogue.Quantity(amount=float("nan"), unit=catalogue.UNIT_BASE),
        reason=pb.MOVEMENT_REASON_PATIENT,
        occurred_time=good.occurred_time,
    )
    answer = stub.RecordConsumption(batches([bad, good]), timeout=10)
    assert (answer.accepted, answer.refused) == (1, 1)
    assert answer.refusals[0].reason == "QUANTITY_MALFORMED"
    assert "amount" in answer.refusals[0].field
