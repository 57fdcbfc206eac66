"""Dresses one series' figures as the forecast that is shown, with all that is said beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.demand.domain.classes import LONGEST, Profile
from services.demand.domain.drivers.effect import Contribution
from services.demand.domain.forecasts import Finding, Forecast, ForecastPeriod, LeadSum, Outcome
from services.demand.domain.quality import findings, shelf_words
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.series import Series, starts
from services.demand.domain.showing import cautions_of, drivers_of, is_whole, whole
from services.demand.domain.tables import TableForecast
from services.demand.ports import Array, Part


@dataclass(frozen=True, slots=True)
class Told:
    """What is said beside the figures of one series.

    `figures`: what methods lost in back-tests; `parts`: what a mean that `contributions` moved
    is made of, None where none did; `noted`: of all series of the part.
    """

    seen: Profile
    figures: Mapping[str, float]
    wrong: int = 0
    censored: int = 0
    failure: str = ""
    contributions: Sequence[Contribution] = ()
    parts: Mapping[str, Array] | None = field(default=None, repr=False)
    noted: str = ""


def recent(one: Series) -> Array:
    return one.values[-LONGEST[one.period] :]


def outcome_of(part: Part, one: Series, made: TableForecast, told: Told) -> Outcome:
    """One series' row of a forecast, dressed to be shown."""
    counts = is_whole(one.values)
    quantiles = whole(made.quantiles[0]) if counts else made.quantiles[0]
    lead = None
    # the peaks of several days do not add up to anything
    if made.lead_mean is not None and made.lead_quantiles is not None and not one.peak:
        sums = whole(made.lead_quantiles[0]) if counts else made.lead_quantiles[0]
        lead = LeadSum(part.lead, float(made.lead_mean[0]), tuple(map(float, sums)))
    mean = made.mean[0]
    parts = told.parts
    if parts is None:
        parts = {name: amounts[0] for name, amounts in made.drivers.items()}
    days = starts(one.end + one.unseen, part.horizon, one.period)
    forecast = Forecast(
        item_id=one.item_id,
        site_id=one.site_id,
        run_id=part.run_id,
        period=one.period,
        levels=LEVELS,
        periods=tuple(
            ForecastPeriod(day, float(m), tuple(map(float, row)))
            for day, m, row in zip(days, mean, quantiles, strict=True)
        ),
        demand_class=told.seen.demand_class,
        method=made.methods[0],
        method_reason=why(made.reasons[0], told.failure),
        data_quality=(
            *one.noted,
            *findings(one, told.seen),
            *shelf_words(one, told.censored, part.target),
            *((told.noted,) if told.noted else ()),
        ),
        base_unit=one.base_unit,
        made_time=part.made_time,
        lead=lead,
        target=part.target,
        drivers=drivers_of(
            {name: part for name, part in parts.items() if part.any()},
            mean,
            {one.driver: one.words for one in told.contributions},
        ),
        backtest=tuple(sorted(told.figures.items())),
        peak=one.peak,
        cautions=tuple(cautions_of(one, told.seen, wrong_units=told.wrong, censored=told.censored)),
    )
    finding = None
    if told.failure:
        finding = Finding(
            one.item_id,
            one.site_id,
            "METHOD_FAILED",
            f"The usual method failed ({told.failure}); a simpler one was used instead.",
        )
    return Outcome(one.item_id, one.site_id, forecast, finding)


def why(reason: str, failure: str) -> str:
    if not failure:
        return reason
    return (
        f"The method that back-tests chose could not be used on this history ({failure}): the "
        "mean comes from simple smoothing, the width from the errors that like items had."
    )


def silent(one: Series) -> Outcome:
    return refused(
        one,
        "SITE_SILENT",
        f"The site has reported nothing for {one.unseen} {one.period.word}s, longer than it had "
        "reported before: no forecast is made. Check the feed.",
    )


def refused(one: Series, reason: str, message: str) -> Outcome:
    finding = Finding(one.item_id, one.site_id, reason, message)
    return Outcome(one.item_id, one.site_id, None, finding)
