"""What an operator may set, and every error at once."""

from __future__ import annotations

import pytest

from services.replenishment.settings import Settings
from shared.catalogue.items import Criticality
from shared.settings import BadSettings, load

NEEDED = {
    "LARREY_DATABASE_URL": "sqlite:///x.db",
    "LARREY_EVENTS_URL": "sqlite:///e.db",
    "LARREY_DATA_DIR": "data",
}


def test_the_defaults_are_sound() -> None:
    settings = load(Settings, NEEDED)
    assert settings.policy.service(Criticality.VITAL).level == 0.995
    assert settings.policy.service(Criticality.UNSPECIFIED).level == 0.98
    assert len(settings.policy.spread.weekday_weights) == 7


def test_all_errors_are_told_at_once() -> None:
    wrong = {
        "LARREY_ZONE": "Europe/Nantes",
        "LARREY_REPLENISHMENT_GAP": "-1",
        "LARREY_REPLENISHMENT_LEVEL_VITAL": "1.5",
        "LARREY_REPLENISHMENT_ERROR_CORRELATION": "2",
        "LARREY_REPLENISHMENT_WARN_DAYS": "0",
        "LARREY_REPLENISHMENT_WORKER_MEMORY_MB": "-1",
        "LARREY_REPLENISHMENT_STORAGE_PENALTY": "-1",
        "LARREY_REPLENISHMENT_KEPT_BACK_DAYS": "400",
        "LARREY_REPLENISHMENT_WEEKDAY_WEIGHTS": "1,1,1",
    }
    with pytest.raises(BadSettings) as bad:
        load(Settings, {**NEEDED, **wrong})
    assert len(bad.value.errors) == len(wrong)
    for name in wrong:
        assert any(name in error for error in bad.value.errors)
