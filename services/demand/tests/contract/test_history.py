"""The history files: each movement is in exactly one place, whatever is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.demand.adapters import series_reading
from services.demand.adapters.history import MOST_FILES, ParquetHistory
from services.demand.adapters.one_history import OneHistory
from services.demand.adapters.store.books import SqlStore
from services.demand.domain.movements import Movement, Reason
from services.demand.domain.periods import Period, number_of, start_of
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series
from services.demand.domain.shelf import ShelfDay
from services.demand.tests.conftest import open_store
from services.demand.tests.situations import ANGERS, NANTES, day_number, movement
from shared.errors import Unavailable

DECEMBER = day_number(date(2025, 12, 10))
ORDER = RunOrder(Period.MONTH, 3, date(2026, 1, 5))


class Killed(BaseException):
    """Stands for the death of the process."""


@pytest.fixture
def history(sqlite_store: SqlStore, tmp_path: Path) -> ParquetHistory:
    return ParquetHistory(sqlite_store.database, sqlite_store.tables, tmp_path / "history")


def record(history: ParquetHistory, movements: list[Movement]) -> None:
    with SqlStore(history.database, history.tables).write() as books:
        books.movements.add(movements)


def used(history: ParquetHistory, order: RunOrder = ORDER) -> dict[tuple[str, str], list[float]]:
    return {(s.item_id, s.site_id): s.values.tolist() for s in history.series(order)}


def dying(history: ParquetHistory) -> ParquetHistory:
    """The same history, in a process that dies after it wrote a file."""

    def die(_: Path) -> None:
        raise Killed

    return replace(history, after_write=die)


def test_what_is_staged_becomes_history(history: ParquetHistory) -> None:
    record(
        history,
        [
            movement("m-1", day=DECEMBER, amount=3.0),
            movement("m-2", day=DECEMBER - 30, amount=1.0),
            movement("m-3", day=DECEMBER, amount=1.0, reason=Reason.RETURN.value),
            movement("m-4", day=DECEMBER, amount=50.0, reason=Reason.WASTE.value),
            movement("m-5", day=DECEMBER, amount=9.0, site_id=ANGERS),
            movement("m-6", day=DECEMBER, amount=70.0, reason=Reason.CRISIS.value),
        ],
    )
    assert history.compact() == 6
    assert used(history) == {
        ("PARACETAMOL", NANTES): [1.0, 2.0],
        ("PARACETAMOL", ANGERS): [9.0],
    }
    assert history.compact() == 0


def test_an_empty_history_has_no_series(history: ParquetHistory) -> None:
    assert history.compact() == 0
    assert history.series(ORDER) == []


def test_only_what_was_asked_for_is_read(history: ParquetHistory) -> None:
    record(
        history,
        [
            movement("m-1", day=DECEMBER),
            movement("m-2", day=DECEMBER, site_id=ANGERS),
            movement("m-3", day=DECEMBER, item_id="IBUPROFEN"),
        ],
    )
    history.compact()
    assert set(used(history, replace(ORDER, site_ids=(ANGERS,)))) == {("PARACETAMOL", ANGERS)}
    assert set(used(history, replace(ORDER, item_ids=("IBUPROFEN",)))) == {("IBUPROFEN", NANTES)}
    assert used(history, replace(ORDER, site_ids=(ANGERS,), item_ids=("IBUPROFEN",))) == {}


def test_many_items_are_read_in_blocks_as_if_at_once(
    history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [(f"ITEM-{number}", site) for number in range(7) for site in (NANTES, ANGERS)]
    record(
        history,
        [
            movement(f"m-{at}", day=DECEMBER - at % 3, amount=1.0 + at, item_id=item, site_id=site)
            for at, (item, site) in enumerate(places)
        ],
    )
    history.compact()
    at_once = used(history)
    assert sorted(at_once) == sorted(places)
    for block in (1, 3, 7):
        monkeypatch.setattr(series_reading, "ITEMS_AT_ONCE", block)
        assert used(history) == at_once


def test_movements_after_the_day_of_the_order_are_not_history(history: ParquetHistory) -> None:
    record(history, [movement("m-1", day=DECEMBER), movement("m-2", day=DECEMBER + 365)])
    history.compact()
    assert used(history) == {("PARACETAMOL", NANTES): [3.0]}


@pytest.mark.parametrize(
    ("period", "values"), [(Period.DAY, [3, 0, 4]), (Period.WEEK, [7]), (Period.MONTH, [7])]
)
def test_one_history_is_read_on_each_grid(
    history: ParquetHistory, period: Period, values: list[float]
) -> None:
    monday = day_number(date(2025, 12, 8))
    record(history, [movement("m-1", day=monday), movement("m-2", day=monday + 2, amount=4.0)])
    history.compact()
    [series] = history.series(replace(ORDER, period=period))
    assert series.values.tolist() == values


def test_each_item_gets_the_grid_that_its_data_allow(history: ParquetHistory) -> None:
    rows = [movement(f"d-{n}", day=DECEMBER - n) for n in range(200)]
    rows += [movement(f"w-{n}", item_id="W", day=DECEMBER - 7 * n) for n in range(30)]
    rows += [movement(f"m-{n}", item_id="M", day=DECEMBER - 90 * n) for n in range(4)]
    record(history, rows)
    history.compact()
    found = history.series(replace(ORDER, period=Period.DAY, auto=True))
    grids = {s.item_id: (s.period, len(s.values)) for s in found}
    assert grids["PARACETAMOL"] == (Period.DAY, 200)
    assert grids["W"][0] is Period.WEEK
    assert grids["M"][0] is Period.MONTH
    assert {s.values.sum() for s in found if s.item_id == "W"} == {90.0}


def test_days_without_stock_come_with_the_series(history: ParquetHistory) -> None:
    record(history, [movement("m-1", day=DECEMBER), movement("m-2", day=DECEMBER - 60)])
    with SqlStore(history.database, history.tables).write() as books:
        said = ShelfDay("PARACETAMOL", NANTES, DECEMBER - 30, None, 1.0)
        books.shelf.put([said, replace(said, day=DECEMBER - 29)])
        books.shelf.put([replace(said, out=0.5)])
    history.compact()
    [series] = history.series(ORDER)
    assert series.out is not None
    assert series.out.tolist() == [0.0, 1.5, 0.0]


def test_the_wards_of_an_item_are_told_with_what_they_used(history: ParquetHistory) -> None:
    record(
        history,
        [
            movement("m-1", day=DECEMBER, ward_id="W1", amount=5.0),
            movement("m-2", day=DECEMBER, ward_id="W1", amount=2.0, reason=Reason.RETURN.value),
            movement("m-3", day=DECEMBER, amount=1.0),
            movement("m-4", day=DECEMBER - 400, ward_id="OLD"),
            movement("m-5", day=DECEMBER, ward_id="W2", site_id=ANGERS),
        ],
    )
    history.compact()
    assert history.ward_use(NANTES, ["PARACETAMOL"], DECEMBER - 365) == {
        "PARACETAMOL": {"": 1.0, "W1": 3.0}
    }


def test_a_silent_site_is_not_filled_with_zeros(history: ParquetHistory) -> None:
    october = day_number(date(2025, 10, 15))
    record(history, [movement("m-1", day=october), movement("m-2", day=DECEMBER, site_id=ANGERS)])
    history.compact()
    by_site = {s.site_id: s for s in history.series(ORDER)}
    assert (by_site[NANTES].values.tolist(), by_site[NANTES].unseen) == ([3.0], 2)
    assert by_site[ANGERS].unseen == 0


def test_a_death_after_the_file_was_written_loses_and_doubles_nothing(
    history: ParquetHistory,
) -> None:
    record(history, [movement("m-1", day=DECEMBER)])
    with pytest.raises(Killed):
        dying(history).compact()
    assert len(list(history.folder.glob("*.parquet"))) == 1
    assert used(history) == {}
    assert history.compact() == 1
    assert used(history) == {("PARACETAMOL", NANTES): [3.0]}
    assert len(list(history.folder.glob("*"))) == 1


def test_a_death_while_files_are_merged_loses_and_doubles_nothing(
    history: ParquetHistory,
) -> None:
    for n in range(MOST_FILES):
        record(history, [movement(f"m-{n}", day=DECEMBER)])
        history.compact()
    record(history, [movement("last", day=DECEMBER)])
    deaths = iter([False, True])

    def die_at_the_second_file(_: Path) -> None:
        if next(deaths):
            raise Killed

    with pytest.raises(Killed):
        replace(history, after_write=die_at_the_second_file).compact()
    assert used(history) == {("PARACETAMOL", NANTES): [27.0]}
    history.compact()
    assert used(history) == {("PARACETAMOL", NANTES): [27.0]}
    assert len(history.files()) == 1
    assert len(list(history.folder.glob("*"))) == 1


def test_two_who_compact_at_once_do_not_double_anything(history: ParquetHistory) -> None:
    record(history, [movement("m-1", day=DECEMBER)])

    def be_overtaken(_: Path) -> None:
        history.compact()

    slower = replace(history, after_write=be_overtaken)
    with pytest.raises(Unavailable) as refused:
        slower.compact()
    assert refused.value.reason == "HISTORY_BUSY"
    assert used(history) == {("PARACETAMOL", NANTES): [3.0]}


STEPS = st.lists(
    st.one_of(
        st.lists(st.integers(1, 9), min_size=1, max_size=3), st.sampled_from(["compact", "die"])
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_however_writing_compacting_and_dying_mix_the_sum_is_right(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[int] | str]
) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    with _a_history(folder) as history:
        total = 0.0
        for place, step in enumerate(steps):
            if isinstance(step, list):
                rows = [
                    movement(f"{place}-{n}", day=DECEMBER, amount=float(amount))
                    for n, amount in enumerate(step)
                ]
                record(history, rows)
                total += sum(step)
            elif step == "compact":
                history.compact()
            else:
                _die(history)
        history.compact()
        assert used(history) == ({("PARACETAMOL", NANTES): [total]} if total else {})


def _die(history: ParquetHistory) -> None:
    try:
        dying(history).compact()
    except Killed:
        return


class _a_history:  # noqa: N801  # reads as a sentence
    """A history in a folder of its own, closed at the end."""

    def __init__(self, folder: Path) -> None:
        self._store = open_store(f"sqlite:///{folder / 'demand.db'}")
        self._history = ParquetHistory(self._store.database, self._store.tables, folder / "history")

    def __enter__(self) -> ParquetHistory:
        return self._history

    def __exit__(self, *_: object) -> None:
        self._store.database.close()


@pytest.mark.real
def test_on_postgres_a_row_committed_late_is_not_lost(
    postgres_store: SqlStore, tmp_path: Path
) -> None:
    """Its number is smaller than those already moved, as when two streams write at once."""
    history = ParquetHistory(postgres_store.database, postgres_store.tables, tmp_path)
    with postgres_store.database.engine.connect() as slow, slow.begin():
        slow.execute(
            history.tables.staged.insert(),
            [
                {
                    "item_id": "PARACETAMOL",
                    "site_id": NANTES,
                    "day": DECEMBER,
                    "reason": 1,
                    "amount": 5.0,
                    "ward_id": "",
                }
            ],
        )
        record(history, [movement("quick", day=DECEMBER)])
        assert history.compact() == 1
    assert history.compact() == 1
    assert used(history) == {("PARACETAMOL", NANTES): [8.0]}


def test_files_are_sorted_for_quick_reading(history: ParquetHistory) -> None:
    rows = [
        movement(f"m-{n}", day=DECEMBER - n % 7, item_id=f"I{n % 5}", site_id=site_id)
        for n, site_id in enumerate([NANTES, ANGERS] * 50)
    ]
    record(history, rows)
    history.compact()
    assert _keys(history) == sorted(_keys(history))


def _keys(history: ParquetHistory) -> list[tuple[str, str, int]]:
    return list(_rows(history))


def _rows(history: ParquetHistory) -> Iterator[tuple[str, str, int]]:
    import pyarrow.parquet as pq

    [name] = history.files()
    columns = pq.read_table(history.folder / name).select(["item_id", "site_id", "day"])
    for row in columns.to_pylist():
        yield row["item_id"], row["site_id"], row["day"]


def test_what_is_read_since_a_day_begins_there_and_tells_empty_shelves(
    history: ParquetHistory,
) -> None:
    record(
        history,
        [
            movement("m-1", day=DECEMBER - 40),
            movement("m-2", day=DECEMBER + 3, amount=2.0),
            movement("m-3", day=DECEMBER - 40, item_id="DRY"),
            movement("m-4", day=DECEMBER - 40, item_id="AT-REST"),
        ],
    )
    history.compact()
    with SqlStore(history.database, history.tables).write() as books:
        books.shelf.put([ShelfDay("DRY", NANTES, DECEMBER + k, None, 1.0) for k in range(3)])
    days = replace(ORDER, period=Period.DAY)
    found = {one.item_id: one for one in history.series(days, DECEMBER)}
    assert set(found) == {"PARACETAMOL", "DRY"}
    assert {one.first for one in found.values()} == {DECEMBER}
    assert found["PARACETAMOL"].values.tolist() == [0.0, 0.0, 0.0, 2.0]
    out = found["DRY"].out
    assert out is not None
    assert (found["DRY"].values.tolist(), out.tolist()) == ([0.0] * 4, [1.0, 1.0, 1.0, 0.0])


SENT = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from([Reason.PATIENT, Reason.RETURN, Reason.WASTE]),
        st.integers(0, 30),
        st.sampled_from([NANTES, ANGERS]),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=12, deadline=None)
@given(rows=SENT, period=st.sampled_from([*Period, None]), most_kept=st.sampled_from([3, 1000]))
def test_one_item_is_read_as_a_run_would_read_it(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, Reason, int, str, bool]],
    period: Period | None,
    most_kept: int,
) -> None:
    folder = tmp_path_factory.mktemp("one")
    store = open_store(f"sqlite:///{folder / 'demand.db'}")
    history = ParquetHistory(store.database, store.tables, folder / "history")
    one = OneHistory(store.database, store.tables, folder / "history", most_kept)
    order = replace(ORDER, period=period or Period.DAY, auto=period is None)
    try:
        for k, (back, reason, amount, site_id, compacted) in enumerate(rows):
            sent = movement(f"m-{k}", day=day_number(ORDER.as_of) - back, amount=float(amount))
            record(history, [sent._replace(reason=reason.value, site_id=site_id)])
            if compacted:
                history.compact()
                one.series(order, "PARACETAMOL", NANTES)
        before = one.series(order, "PARACETAMOL", NANTES)
        history.compact()
        found = {s.site_id: s for s in history.series(order)}.get(NANTES)
        after = one.series(order, "PARACETAMOL", NANTES)
        assert told(before) == told(after) == told(found)
        if period is not None:
            assert_the_end_is_the_same(history, one, replace(order, period=period))
    finally:
        store.database.close()


def assert_the_end_is_the_same(history: ParquetHistory, one: OneHistory, order: RunOrder) -> None:
    """From a period on, one item is read as a run reads it; 0 where a run finds nothing."""
    since = start_of(number_of(ORDER.as_of, order.period) - 2, order.period)
    end = one.series(order, "PARACETAMOL", NANTES, since)
    found = {s.site_id: s for s in history.series(order, day_number(since))}.get(NANTES)
    if found is not None:
        assert end is not None
        assert (end.first, *end.values) == (found.first, *found.values)
    elif end is not None:
        assert not end.values.any()


def told(series: Series | None) -> object:
    if series is None:
        return None
    return (series.first, series.period, series.unseen, series.overreturned, *series.values)
