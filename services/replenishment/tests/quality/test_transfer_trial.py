"""Transfers on a made group: they keep every rule, lose less to expiry, and pay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.replenishment.main import try_transfers
from shared.errors import Malformed


def test_a_made_group_loses_less_and_pays_less_with_transfers(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    try_transfers(8, 8.0, 1, answer)
    told = json.loads(answer.read_text())
    assert told["note"] == ""
    assert told["broken_rules"] == []
    assert told["transfers"] > 0
    lost, orders = told["expiry_eur"], told["orders_eur"]
    assert lost["with"] < 0.8 * lost["without"]
    saved = lost["without"] + orders["without"] - lost["with"] - orders["with"]
    assert saved > told["moving_eur"]


def test_a_folder_that_is_not_there_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="no folder"):
        try_transfers(1, 1.0, 1, tmp_path / "nowhere" / "answer.json")
