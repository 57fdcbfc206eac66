"""Forecasts and outlooks between protobuf and the domain."""

from __future__ import annotations

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Driver, Forecast, ForecastPeriod, LeadSum
from services.demand.domain.history_files import Target
from services.demand.domain.outlook import Outlook
from services.demand.domain.periods import Period
from services.demand.wire.dates import (
    date_from_wire,
    date_to_wire,
    instant_from_wire,
    instant_to_wire,
)


def period_to_wire(period: Period) -> pb.Period.ValueType:
    return pb.Period.Value(f"PERIOD_{period.value}")


def period_from_wire(period: pb.Period.ValueType) -> Period:
    """A grid; an order of PERIOD_AUTO is read by whoever takes it."""
    return Period(pb.Period.Name(period).removeprefix("PERIOD_"))


def target_to_wire(target: Target) -> pb.Target.ValueType:
    return pb.Target.Value(f"TARGET_{target.name}")


def target_from_wire(target: pb.Target.ValueType) -> Target:
    """What would be used, when it is left out."""
    name = pb.Target.Name(target).removeprefix("TARGET_")
    return Target.DEMAND if name == "UNSPECIFIED" else Target[name]


def outlook_to_wire(outlook: Outlook) -> pb.Outlook:
    return pb.Outlook(
        item_class=outlook.item_class,
        calls=outlook.calls,
        usual_calls=outlook.usual_calls,
        factor=outlook.factor,
        first_mean=outlook.first_mean,
        reason=outlook.reason,
    )


def outlook_from_wire(outlook: pb.Outlook) -> Outlook:
    return Outlook(
        item_class=outlook.item_class,
        calls=outlook.calls,
        usual_calls=outlook.usual_calls if outlook.HasField("usual_calls") else None,
        factor=outlook.factor,
        first_mean=outlook.first_mean,
        reason=outlook.reason,
    )


def forecast_to_wire(forecast: Forecast) -> pb.Forecast:
    return pb.Forecast(
        item_id=forecast.item_id,
        site_id=forecast.site_id,
        run_id=forecast.run_id,
        period=period_to_wire(forecast.period),
        levels=forecast.levels,
        periods=[
            pb.ForecastPeriod(start=date_to_wire(p.start), mean=p.mean, quantiles=p.quantiles)
            for p in forecast.periods
        ],
        demand_class=pb.DemandClass.Value(f"DEMAND_CLASS_{forecast.demand_class.value}"),
        method=forecast.method,
        method_reason=forecast.method_reason,
        data_quality=forecast.data_quality,
        base_unit=forecast.base_unit,
        made_time=instant_to_wire(forecast.made_time),
        outlook=None if forecast.outlook is None else outlook_to_wire(forecast.outlook),
        lead_time=0 if forecast.lead is None else forecast.lead.periods,
        lead_sum_mean=None if forecast.lead is None else forecast.lead.mean,
        lead_sum_quantiles=() if forecast.lead is None else forecast.lead.quantiles,
        target=target_to_wire(forecast.target),
        drivers=[
            pb.Driver(name=one.name, words=one.words, amounts=one.amounts)
            for one in forecast.drivers
        ],
        backtest=[
            pb.BacktestLoss(method=method, relative_loss=loss) for method, loss in forecast.backtest
        ],
        cautions=forecast.cautions,
        measure=pb.MEASURE_PEAK_IN_USE if forecast.peak else pb.MEASURE_UNSPECIFIED,
    )


def forecast_from_wire(forecast: pb.Forecast) -> Forecast:
    name = pb.DemandClass.Name(forecast.demand_class)
    outlook = forecast.outlook if forecast.HasField("outlook") else None
    return Forecast(
        item_id=forecast.item_id,
        site_id=forecast.site_id,
        run_id=forecast.run_id,
        period=period_from_wire(forecast.period),
        levels=tuple(forecast.levels),
        periods=tuple(
            ForecastPeriod(date_from_wire(p.start), p.mean, tuple(p.quantiles))
            for p in forecast.periods
        ),
        demand_class=DemandClass(name.removeprefix("DEMAND_CLASS_")),
        method=forecast.method,
        method_reason=forecast.method_reason,
        data_quality=tuple(forecast.data_quality),
        base_unit=forecast.base_unit,
        made_time=instant_from_wire(forecast.made_time),
        outlook=None if outlook is None else outlook_from_wire(outlook),
        lead=_lead_from_wire(forecast),
        target=target_from_wire(forecast.target),
        drivers=tuple(Driver(one.name, one.words, tuple(one.amounts)) for one in forecast.drivers),
        backtest=tuple((one.method, one.relative_loss) for one in forecast.backtest),
        cautions=tuple(forecast.cautions),
        peak=forecast.measure == pb.MEASURE_PEAK_IN_USE,
    )


def _lead_from_wire(forecast: pb.Forecast) -> LeadSum | None:
    if not forecast.HasField("lead_sum_mean"):
        return None
    return LeadSum(forecast.lead_time, forecast.lead_sum_mean, tuple(forecast.lead_sum_quantiles))
