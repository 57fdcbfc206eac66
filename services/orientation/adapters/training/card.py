"""The model's card: what it is, what it was made of, how well it does, where it ends."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from services.orientation.adapters.training.training import SCORED_YEAR, Trained

LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "scipy")


def card_of(trained: Trained) -> dict[str, Any]:
    return {
        "name": "Larrey severity, glass box",
        "answers": ["P(intensive care)", "P(admission)", "P(nurse level 1 or 2)"],
        "data": "NHAMCS emergency department visits 2015-2021, NCHS/CDC, United States",
        "data_licence": "public domain; statistical use only, no attempt to identify anybody",
        "window": {"first_year": trained.years[0], "last_year": trained.years[1]},
        "visits": trained.visits,
        "scored_as_year": SCORED_YEAR,
        "features": [
            "age",
            "sex",
            "complaint codes and groups, the first and up to four more",
            "heart rate",
            "respiratory rate",
            "systolic and diastolic pressure",
            "oxygen saturation",
            "temperature",
            "arrival by ambulance, beside vital signs and never in the score of a call",
            "pain, for admission and the nurse's level",
            "number of chronic conditions, in a score of its own",
        ],
        "left_out_on_purpose": ["triage level", "transfer from another hospital", "weekday"],
        "validation": _rounded(trained.validation.figures),
        "validation_by_subgroup": _rounded(trained.validation.subgroups),
        "largest_gap_between_models_and_tables": round(trained.worst_table_gap, 9),
        "libraries": {name: version(name) for name in LIBRARIES},
        "licence": "Apache-2.0",
        "approved_for_care": False,
    }


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in sorted(figures.items())}


def card_text(card: dict[str, Any]) -> str:
    """The same card for people; {version} is filled in when the bundle is written."""
    figures = "\n".join(f"| {name} | {value:.4f} |" for name, value in card["validation"].items())
    groups = "\n".join(
        f"| {name} | {value:.4f} |" for name, value in card["validation_by_subgroup"].items()
    )
    return f"""# {card["name"]}, {{version}}

Gives the chance of intensive care, of admission and of a nurse's level 1 or 2 from what a call
gives. Half a ridge regression on splines and complaint codes, half a LightGBM held to single
inputs and chosen pairs, compiled to tables whose entries are the reasons; they add up exactly.
The years with intensive care know one complaint a visit: what further complaints are worth is
borrowed from admission in 2021, and the gravest complaint counts 0.35 of what it has above the
first.

**Data.** {card["data"]}; {card["visits"]} visits, {card["window"]["first_year"]} to
{card["window"]["last_year"]}. Licence: {card["data_licence"]}. The year 2022 was never read.

**Features.** {", ".join(card["features"])}. Left out on purpose:
{", ".join(card["left_out_on_purpose"])}. Values that are not known have entries of their own;
where only some are known, tables answer that learnt with values hidden at random, so that not
knowing is not good news. Without any vital sign or way of arrival the score of a call answers.

**Probability.** The years 2015-2020 hold intensive care and not admitted only, so
P(intensive care) = r x (1 - P(admitted)), r = p / (1 - p), then calibrated on 2021. The share in
intensive care rose from year to year; scored as year {card["scored_as_year"]:.0f}. The 90 %
interval of P(intensive care) comes from 200 resamples of those visits, outcomes drawn anew: it
speaks of patients with the same score, not of one of them.

**Validation.** Intensive care: trained on 2015-2018; patients of 2019-2020 against all visits of
2021, first complaint only; `corrected` allows for the patients of intensive care hidden among
those. `grave`: 2021 visits admitted with a grave diagnosis, all complaints, parts learnt on 2021
out of fold. Admission and nurse's level: five folds of 2021. One standard error is about 0.009.

| figure | value |
|---|---|
{figures}

| by subgroup | value |
|---|---|
{groups}

**Limits.** American emergency departments, walk-ins included: not French calls. No death, no
consciousness, no free text. Weaker in the old (see above). Never a substitute for a doctor's
judgement: the rules and the human may raise what it says, nothing lets it lower a human's.
Not approved for care.
"""
