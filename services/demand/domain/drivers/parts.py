"""What drivers add to a mean, in base units, so that all parts of a forecast still add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from services.demand.domain.drivers.effect import Contribution
from services.demand.domain.tables import Array


def parts_with(
    parts: Mapping[str, Array],
    before: Array,
    after: Array,
    contributions: Sequence[Contribution],
) -> dict[str, Array]:
    """The parts [h] of a mean that drivers moved from `before` to `after` [h].

    A contribution of share s multiplies what would be there with the driver as usual by 1 + s.
    Several multiply each other; what they add together is dealt out by their logarithms. What
    the mean was made of before is scaled to what is left.
    """
    logs = [np.log1p(np.maximum(one.share, -0.99)) for one in contributions]
    together = np.sum(logs, axis=0) if logs else np.zeros_like(after)
    # (1 - exp(-L)) / L, whose limit at 0 is 1
    per_log = np.where(np.abs(together) < 1e-9, 1.0, -np.expm1(-together) / _not_0(together))
    added = {
        one.driver: after * log * per_log for one, log in zip(contributions, logs, strict=True)
    }
    left = after * np.exp(-together)
    scale = np.where(before > 0, left / _not_0(before), 0.0)
    return {**{name: part * scale for name, part in parts.items()}, **added}


def _not_0(values: Array) -> Array:
    return np.where(np.abs(values) < 1e-9, 1.0, values)
