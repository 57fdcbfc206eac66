"""The levels that every forecast has."""

from __future__ import annotations

LEVELS: tuple[float, ...] = (
    *(0.01, 0.025, 0.05),
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(0.95, 0.975, 0.98, 0.99, 0.995, 0.999),
)
