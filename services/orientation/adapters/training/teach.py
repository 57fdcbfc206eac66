"""From visits to what a core is taught: which rows, which label, which encodings."""

from __future__ import annotations

import numpy as np

from services.orientation.adapters.training.boosted import Encoded
from services.orientation.adapters.training.cores import Teaching, dropped_out
from services.orientation.adapters.training.encodings import (
    cross_fitted,
    profiles,
    shrunk_logit,
)
from services.orientation.adapters.training.layout import Known
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import COMPLAINT, Complaints, Floats

ICU_STRENGTH = (20.0, 40.0, 40.0)
OTHER_STRENGTH = (20.0, 20.0, 20.0)
SEED = 11
PROFILE_NAMES = (
    "often_ambulance",
    "often_low_spo2",
    "often_low_bp",
    "often_fast_breath",
    "often_fast_heart",
)


def icu_teaching(complaints: Complaints, icu: Visits, admission: Visits, known: Known) -> Teaching:
    """Intensive care against not admitted, on `icu`; admission rates come from `admission`."""
    own = shrunk_logit(complaints, icu.cells[COMPLAINT], icu.icu, ICU_STRENGTH)
    other = shrunk_logit(complaints, admission.cells[COMPLAINT], admission.admitted, OTHER_STRENGTH)
    return _teaching(
        complaints,
        icu,
        icu.icu,
        strength=ICU_STRENGTH,
        known=known,
        rates=np.c_[own, other],
        profiled=icu,
    )


def later_teaching(
    complaints: Complaints, icu: Visits, visits: Visits, label: Floats, known: Known
) -> Teaching:
    """An outcome of 2021 on `visits`; rates of intensive care come from `icu`."""
    own = shrunk_logit(complaints, visits.cells[COMPLAINT], label, OTHER_STRENGTH)
    other = shrunk_logit(complaints, icu.cells[COMPLAINT], icu.icu, ICU_STRENGTH)
    return _teaching(
        complaints,
        visits,
        label,
        strength=OTHER_STRENGTH,
        known=known,
        rates=np.c_[own, other],
        profiled=icu,
    )


def _teaching(
    complaints: Complaints,
    visits: Visits,
    label: Floats,
    *,
    strength: tuple[float, float, float],
    known: Known,
    rates: Floats,
    profiled: Visits,
) -> Teaching:
    slopes = profiles(complaints, profiled)
    encoded = Encoded(("risk", "other_risk", *PROFILE_NAMES), np.c_[rates, slopes])
    own = cross_fitted(complaints, visits.cells[COMPLAINT], label, strength, seed=SEED)
    people, rows = visits.people, np.arange(visits.count)
    if known.hidden:
        people, again = dropped_out(people, seed=7)
        rows = np.concatenate([rows, again])
    return Teaching(people, visits.year[rows], label[rows], own[rows], encoded, slopes)
