"""The kept prices of the last plan as one row: names and numbers in one compressed file."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from services.replenishment.adapters.store.tables import Tables
from services.replenishment.domain.kept_prices import KeptPrices
from services.replenishment.domain.prices import Prices
from shared.storage import upsert

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def keep_prices(connection: Connection, tables: Tables, kept: KeptPrices) -> None:
    row = {
        "place": 0,
        "version": kept.version,
        "first_day": kept.first_day,
        "prices": _to_bytes(kept),
    }
    upsert(connection, tables.kept_prices, [row], key=["place"])


def kept_prices(connection: Connection, tables: Tables) -> KeptPrices | None:
    """None where there are none, or they cannot be read: a plan starts from nothing then."""
    row = connection.execute(select(tables.kept_prices)).first()
    if row is None:
        return None
    try:
        return _from_bytes(row.version, row.first_day, row.prices)
    except UNREADABLE:
        return None


def _to_bytes(kept: KeptPrices) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(
        file,
        allow_pickle=False,
        sites=np.array(kept.sites, dtype=np.str_),
        caps=_names(kept.caps, 3),
        stores=_names(kept.stores, 2),
        rows=_names(kept.rows, 2),
        budget=kept.prices.budget,
        cap=kept.prices.cap,
        shelf=kept.prices.shelf,
        share=kept.prices.share.astype(np.float32),
    )
    return file.getvalue()


def _names(
    names: tuple[tuple[str, ...], ...], width: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    return np.array(names, dtype=np.str_).reshape(-1, width)


def _from_bytes(version: int, first_day: date, prices: bytes) -> KeptPrices:
    with np.load(io.BytesIO(prices), allow_pickle=False) as file:
        return KeptPrices(
            version,
            first_day,
            sites=tuple(file["sites"].tolist()),
            caps=tuple((item, supplier, site) for item, supplier, site in file["caps"].tolist()),
            stores=tuple((site, kind) for site, kind in file["stores"].tolist()),
            rows=tuple((item, site) for item, site in file["rows"].tolist()),
            prices=Prices(
                file["budget"].astype(np.float64),
                file["cap"].astype(np.float64),
                file["shelf"].astype(np.float64),
                file["share"].astype(np.float64),
            ),
        )
