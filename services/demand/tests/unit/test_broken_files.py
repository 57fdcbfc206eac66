"""Files that fuzzing found to be read too trustingly: refused with the remedy, or understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.demand.adapters.files.drivers import signal_drivers
from services.demand.adapters.files.equipment import read_uses
from services.demand.adapters.files.reading import read_history
from services.demand.tests.frames import written
from services.demand.tests.fuzz_targets import history, signals, uses
from shared.errors import Malformed

NO_TEXT = b"\xff"


def refused(read: Any) -> str:
    with pytest.raises(Malformed) as told:
        read()
    return told.value.reason


def test_a_page_that_is_damaged_behind_a_whole_foot_is_unreadable(tmp_path: Path) -> None:
    path = written(history(), tmp_path)
    data = bytearray(path.read_bytes())
    data[60:400] = bytes(340)
    path.write_bytes(data)
    assert refused(lambda: read_history(path, "MS", 12, 3)) == "FILE_UNREADABLE"


def test_a_column_of_bytes_that_are_no_text_is_left_aside(tmp_path: Path) -> None:
    frame = history()
    frame["blob"] = NO_TEXT
    read = read_history(written(frame, tmp_path), "MS", 12, 3)
    assert read.table.ids == ("s0", "s1", "s2")


def test_what_pandas_noted_beside_the_columns_may_be_damaged(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(history(), preserve_index=False)
    path = tmp_path / "noted.parquet"
    pq.write_table(table.replace_schema_metadata({"pandas": '{"columns": [{}'}), path)
    assert read_history(path, "MS", 12, 3).table.ids == ("s0", "s1", "s2")


@pytest.mark.parametrize("column", ["unique_id", "signal"])
def test_names_that_are_no_text_are_refused(column: str, tmp_path: Path) -> None:
    frame = signals().assign(unique_id="s0")
    frame[column] = NO_TEXT
    path = written(frame, tmp_path, "signals.parquet")
    whole = read_history(written(history(), tmp_path), "MS", 12, 3)
    assert refused(lambda: signal_drivers(path, whole)) == "COLUMN_TYPE"


def test_equipment_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = written(uses().assign(unique_id=NO_TEXT), tmp_path)
    assert refused(lambda: read_uses(path, 7)) == "COLUMN_TYPE"


@pytest.mark.parametrize("instant", ["1700-01-01", "2261-01-01"])
def test_a_use_in_another_century_is_refused(instant: str, tmp_path: Path) -> None:
    frame = uses()
    frame.loc[3, "start"] = pd.Timestamp(instant)
    assert refused(lambda: read_uses(written(frame, tmp_path), 7)) == "TIME_MALFORMED"


def test_a_column_whose_name_is_no_text_is_unreadable(tmp_path: Path) -> None:
    path = written(history(), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"unique_id", b"uniqu\xff_id"))
    assert refused(lambda: read_history(path, "MS", 12, 3)) == "FILE_UNREADABLE"
