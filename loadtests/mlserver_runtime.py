"""The severity model as MLServer serves it: imported by MLServer's own interpreter, not by ours.

The same bundle, compiled in the same way, on the same inputs, with its reasons; no rules, no
responses, no facilities and no record.
"""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from services.orientation.adapters.bundle import load_bundle
from services.orientation.adapters.reference import BUNDLE, load_complaints
from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.features import VITALS, PatientInputs


class Severity(MLModel):  # type: ignore[misc]  # MLServer is not installed beside us
    """One row: `numbers` is age and the six vital signs (NaN: not known), `words` sex and codes."""

    async def load(self) -> bool:
        self._model = CompiledModel.of(load_bundle(BUNDLE, load_complaints()))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        told = {part.name: part for part in payload.inputs}
        age, *vitals = NumpyCodec.decode_input(told["numbers"])[0].tolist()
        sex, *codes = StringCodec.decode_input(told["words"])
        complaints = self._model.complaints
        score = self._model.score(
            PatientInputs(
                None if np.isnan(age) else age,
                sex,
                tuple(complaints.cell(int(code)) for code in codes),
                {name: v for name, v in zip(VITALS, vitals, strict=True) if not np.isnan(v)},
            )
        )
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[
                NumpyCodec.encode_output("p", np.array([[score.p_icu, score.p_admission]])),
                NumpyCodec.encode_output("added", np.array([score.added])),
                StringCodec.encode_output("reasons", list(score.codes)),
            ],
        )
