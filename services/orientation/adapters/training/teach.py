"""From visits to fitted cores: which rows teach which outcome, with which encodings."""

from __future__ import annotations

import numpy as np

from services.orientation.adapters.training.boosted import Encoded
from services.orientation.adapters.training.cores import Teaching
from services.orientation.adapters.training.encodings import (
    cross_fitted,
    profiles,
    shrunk_logit,
)
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import COMPLAINT, Complaints, Floats

ICU_STRENGTH = (20.0, 40.0, 40.0)
ADMISSION_STRENGTH = (20.0, 20.0, 20.0)
SEED = 11
PROFILE_NAMES = (
    "often_ambulance",
    "often_low_spo2",
    "often_low_bp",
    "often_fast_breath",
    "often_fast_heart",
)


def icu_teaching(complaints: Complaints, icu: Visits, admission: Visits) -> Teaching:
    """Intensive care against not admitted, on `icu`; admission rates come from `admission`."""
    label = icu.icu
    cells = icu.cells[COMPLAINT]
    risk = shrunk_logit(complaints, cells, label, ICU_STRENGTH)
    other = shrunk_logit(
        complaints, admission.cells[COMPLAINT], admission.admitted, ADMISSION_STRENGTH
    )
    slopes = profiles(complaints, icu)
    own = cross_fitted(complaints, cells, label, SEED)
    return Teaching(icu, label, own, _encoded(risk, other, slopes), slopes)


def admission_teaching(complaints: Complaints, icu: Visits, admission: Visits) -> Teaching:
    """Admission against everybody else, on `admission`."""
    label = admission.admitted
    cells = admission.cells[COMPLAINT]
    risk = shrunk_logit(complaints, cells, label, ADMISSION_STRENGTH)
    other = shrunk_logit(complaints, icu.cells[COMPLAINT], icu.icu, ICU_STRENGTH)
    slopes = profiles(complaints, icu)
    own = cross_fitted(complaints, cells, label, SEED)
    return Teaching(admission, label, own, _encoded(risk, other, slopes), slopes)


def _encoded(risk: Floats, other: Floats, slopes: Floats) -> Encoded:
    return Encoded(("risk", "other_risk", *PROFILE_NAMES), np.c_[risk, other, slopes])
