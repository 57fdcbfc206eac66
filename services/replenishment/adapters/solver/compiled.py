"""How the inner loops are compiled: one decorator, so that types stay visible outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compiles at the first call and keeps the result on disk (NUMBA_CACHE_DIR).

    Sums keep the order in which they are written, so the same input gives the same
    bits on every run. Where no folder may be written to, nothing is kept and each
    process compiles for itself.
    """
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no place for its files
        return cast("F", numba.njit(nogil=True)(function))
