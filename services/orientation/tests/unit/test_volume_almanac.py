"""Holidays and clock changes by rule."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from services.orientation.domain.volume.almanac import almanac, easter, french_days, us_days
from services.orientation.domain.volume.hours import hours_from
from shared.errors import Malformed


@pytest.mark.parametrize(
    ("year", "day"),
    [(2000, (4, 23)), (2008, (3, 23)), (2011, (4, 24)), (2019, (4, 21)), (2038, (4, 25))],
)
def test_easter_falls_on_its_published_dates(year: int, day: tuple[int, int]) -> None:
    assert easter(year) == date(year, *day)


def test_thanksgiving_and_memorial_day_of_2018_are_where_they_were() -> None:
    days = us_days(2018)
    assert date(2018, 11, 22) in days
    assert date(2018, 5, 28) in days
    assert date(2018, 1, 15) in days


def test_a_veterans_day_on_a_sunday_gives_the_monday_off() -> None:
    days = us_days(2018)
    assert days[date(2018, 11, 12)] > days[date(2018, 12, 31)]
    assert date(2019, 11, 12) not in us_days(2019)


def test_a_holiday_keeps_its_kind_from_year_to_year() -> None:
    for days in (us_days, french_days):
        assert len({days(year)[date(year, 12, 25)] for year in range(2005, 2035)}) == 1


def test_france_has_its_eleven_public_holidays_in_2026() -> None:
    days = french_days(2026)
    public = [
        date(2026, month, day)
        for month, day in (
            (1, 1), (4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11),
            (12, 25),
        )
    ]  # fmt: skip
    assert [day for day in public if day not in days] == []


@pytest.mark.parametrize(
    ("name", "skipped", "twice"),
    [
        ("us", "2018-03-11T02", "2018-11-04T01"),
        ("fr", "2018-03-25T02", "2018-10-28T02"),
    ],
)
def test_one_hour_is_skipped_in_spring_and_one_comes_twice(
    name: str, skipped: str, twice: str
) -> None:
    year = hours_from(np.datetime64("2018-01-01T00", "h"), 8760)
    times = almanac(name).times_on_clock(year)
    assert year[times == 0].tolist() == [np.datetime64(skipped, "h").astype(object)]
    assert year[times == 2].tolist() == [np.datetime64(twice, "h").astype(object)]


def test_no_holidays_means_every_hour_once() -> None:
    none = almanac("none")
    assert (none.times_on_clock(hours_from(np.datetime64("2018-01-01T00", "h"), 8760)) == 1).all()
    assert not none.kinds(date(2018, 1, 1), date(2018, 12, 31)).any()


def test_an_unknown_country_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Malformed, match="fr, none, us"):
        almanac("mars")
