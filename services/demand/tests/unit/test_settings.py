"""Settings: every mistake is told at once, in the words an operator typed."""

from __future__ import annotations

import pytest

from services.demand.settings import Settings
from shared.settings import BadSettings, load

NEEDED = {
    "LARREY_DATABASE_URL": "sqlite:///demand.db",
    "LARREY_EVENTS_URL": "sqlite:///events.db",
    "LARREY_DATA_DIR": "data",
}


def test_what_is_left_out_has_a_default() -> None:
    settings = load(Settings, NEEDED)
    assert settings.zone == "Europe/Paris"
    assert settings.workers == 2
    assert settings.usual_by_class == {}


def test_an_unknown_backend_is_refused_at_the_start() -> None:
    with pytest.raises(BadSettings, match="LARREY_DEMAND_BACKEND must be local or ray"):
        load(Settings, {**NEEDED, "LARREY_DEMAND_BACKEND": "spark"})


def test_usual_calls_are_read_by_class() -> None:
    settings = load(
        Settings, {**NEEDED, "LARREY_DEMAND_USUAL_CALLS": "respiratory=120, cardiac=90.5"}
    )
    assert settings.usual_by_class == {"respiratory": 120.0, "cardiac": 90.5}


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {
        "LARREY_ZONE": "Paris",
        "LARREY_DEMAND_WORKERS": "0",
        "LARREY_DEMAND_CALL_ELASTICITY": "2",
        "LARREY_DEMAND_CALL_FACTOR_LOWEST": "1.2",
        "LARREY_DEMAND_USUAL_CALLS": "respiratory",
        "LARREY_LOG_LEVEL": "loud",
    }
    with pytest.raises(BadSettings) as refused:
        load(Settings, {**NEEDED, **wrong})
    text = str(refused.value)
    assert all(name in text for name in wrong)


@pytest.mark.parametrize("bad", ["respiratory=", "=3", "a=-1", "a=inf", "a=nan", "a=b"])
def test_a_base_rate_that_is_no_number_is_refused(bad: str) -> None:
    with pytest.raises(BadSettings, match="LARREY_DEMAND_USUAL_CALLS"):
        load(Settings, {**NEEDED, "LARREY_DEMAND_USUAL_CALLS": bad})
