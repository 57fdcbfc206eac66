"""Live accuracy and totals on their way out."""

from __future__ import annotations

from collections.abc import Mapping

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.accuracy import Figures, Place
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.totals import Total
from services.demand.wire.dates import date_to_wire
from services.demand.wire.forecasts import period_to_wire

PARTS_SHOWN = 1000


def accuracy_to_wire(
    whole: Figures | None, parts: Mapping[Place, Figures]
) -> pb.GetAccuracyResponse:
    """Nothing but `actuals` 0 while nothing has come true."""
    if whole is None:
        return pb.GetAccuracyResponse()
    return pb.GetAccuracyResponse(
        actuals=whole.actuals,
        bias=whole.bias,
        mean_absolute_error=whole.error,
        coverage_95=whole.coverage_95,
        coverage_80=whole.coverage_80,
        below_p90=whole.below_p90,
        scaled_error=whole.scaled,
        drift=whole.drift,
        weighted_quantile_loss=whole.wql,
        parts=[_part(place, told) for place, told in list(parts.items())[:PARTS_SHOWN]],
    )


def total_to_wire(total: Total) -> pb.TotalForecast:
    return pb.TotalForecast(
        period=period_to_wire(total.period),
        levels=LEVELS,
        periods=[
            pb.ForecastPeriod(start=date_to_wire(p.start), mean=p.mean, quantiles=p.quantiles)
            for p in total.periods
        ],
        series=total.series,
        left_out=total.left_out,
        base_unit=total.base_unit,
        correlation=total.correlation,
        lead_time=0 if total.lead is None else total.lead.periods,
        lead_sum_mean=None if total.lead is None else total.lead.mean,
        lead_sum_quantiles=() if total.lead is None else total.lead.quantiles,
        lead_missing=total.lead_missing,
    )


def _part(place: Place, told: Figures) -> pb.AccuracyPart:
    return pb.AccuracyPart(
        site_id=place.site_id,
        demand_class=pb.DemandClass.Value(f"DEMAND_CLASS_{place.demand_class.value}"),
        actuals=told.actuals,
        bias=told.bias,
        mean_absolute_error=told.error,
        coverage_95=told.coverage_95,
        coverage_80=told.coverage_80,
        below_p90=told.below_p90,
        scaled_error=told.scaled,
        drift=told.drift,
        weighted_quantile_loss=told.wql,
    )
