"""Calendar columns: holidays of known years, months, weeks and days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from services.demand.adapters.engines.gp_panel.calendar import (
    Holidays,
    candidates,
    days_off,
    easter,
    regressors,
    years,
)


@pytest.mark.parametrize(
    "sunday", [date(2000, 4, 23), date(2005, 3, 27), date(2024, 3, 31), date(2025, 4, 20)]
)
def test_easter_falls_where_almanacs_have_it(sunday: date) -> None:
    assert easter(sunday.year) == sunday


def test_french_holidays_of_2025_are_the_eleven_of_the_law() -> None:
    assert days_off(Holidays.FRANCE, 2025) == {
        *(date(2025, 1, 1), date(2025, 4, 21), date(2025, 5, 1), date(2025, 5, 8)),
        *(date(2025, 5, 29), date(2025, 6, 9), date(2025, 7, 14), date(2025, 8, 15)),
        *(date(2025, 11, 1), date(2025, 11, 11), date(2025, 12, 25)),
    }


def test_an_australian_holiday_at_the_weekend_is_made_up_for_on_monday() -> None:
    off = days_off(Holidays.AUSTRALIA, 2005)
    assert {date(2005, 1, 3), date(2005, 6, 13), date(2005, 4, 25)} <= off


def test_months_count_their_working_days_without_holidays() -> None:
    plain = regressors(date(2025, 1, 1), 12, "MS")[:, 0]
    french = regressors(date(2025, 1, 1), 12, "MS", days_off(Holidays.FRANCE, 2025))[:, 0]
    working = np.array([23, 20, 21, 22, 22, 21, 23, 21, 22, 23, 20, 23.0])
    off = np.array([1, 0, 0, 1, 3, 1, 1, 1, 0, 0, 1, 1.0])
    np.testing.assert_allclose(plain, working - working.mean())
    np.testing.assert_allclose(french, working - off - (working - off).mean())


def test_weeks_count_holidays_on_working_days_only() -> None:
    weeks = regressors(date(2024, 12, 23), 3, "W-MON", [date(2024, 12, 25), date(2024, 12, 29)])
    np.testing.assert_allclose(weeks[:, 0], [2 / 3, -1 / 3, -1 / 3])


def test_days_mark_the_holiday_and_the_day_after() -> None:
    days = regressors(date(2025, 12, 24), 4, "D", [date(2025, 12, 25)])
    np.testing.assert_allclose(days[:, 0] + 0.25, [0, 1, 0, 0])
    np.testing.assert_allclose(days[:, 1] + 0.25, [0, 0, 1, 0])


def test_days_without_holidays_have_no_column() -> None:
    assert regressors(date(2025, 1, 1), 30, "D").shape == (30, 0)


def test_a_grid_without_calendar_is_named_in_the_refusal() -> None:
    with pytest.raises(ValueError, match="'h'"):
        regressors(date(2025, 1, 1), 30, "h")


def test_years_follow_the_first_day_of_the_period() -> None:
    assert years(date(2024, 12, 23), 3, "W-MON").tolist() == [2024, 2024, 2025]


def test_candidates_differ_where_their_holidays_do() -> None:
    found = candidates(date(2000, 1, 1), 72, "MS")
    assert set(found) == set(Holidays)
    assert not np.allclose(found[Holidays.FRANCE], found[Holidays.AUSTRALIA])
