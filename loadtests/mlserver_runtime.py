"""The severity model as MLServer serves it: imported by MLServer's own interpreter, not by ours.

Twice: our bundle compiled as we compile it, and the boosted models of the same recipe as they are
trained, which is how a model usually gets there. Same inputs, with reasons; no rules, no responses,
no facilities and no record.
"""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from services.orientation.adapters.bundle import load_bundle
from services.orientation.adapters.reference import BUNDLE, DATA, load_complaints
from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.features import AGE, SEX, SEXES, VITALS, VITALS_KIND, PatientInputs


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


class Boosted(MLModel):  # type: ignore[misc]  # MLServer is not installed beside us
    """One row of named columns, as a table; the boosted half of intensive care and admission.

    Trained when it is loaded, by the recipe of `larrey orientation train`. The half that is a
    ridge, the further complaints and the calibration are left out: they would cost more still.
    """

    async def load(self) -> bool:
        # Only here: the compiled model needs none of these.
        from services.orientation.adapters.training.assemble import Workshop  # noqa: PLC0415
        from services.orientation.adapters.training.cores import ADMISSION, ICU  # noqa: PLC0415
        from services.orientation.adapters.training.training import SCORED_YEAR  # noqa: PLC0415
        from services.orientation.adapters.training.validate import split  # noqa: PLC0415
        from services.orientation.adapters.training.visits import read_visits  # noqa: PLC0415

        self._complaints = load_complaints()
        icu, admission = split(read_visits(DATA, self._complaints))
        workshop = Workshop(self._complaints, icu, SCORED_YEAR)
        cores = workshop.icu_cores(VITALS_KIND, admission, ICU)
        lead = workshop.lead(cores.ridge)
        later = workshop.later(VITALS_KIND, admission, admission.admitted, lead, ADMISSION)
        self._cores = (cores, later.cores)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        row = PandasCodec.decode_request(payload).iloc[0]
        cell = self._complaints.cell(int(row["complaint"]))
        # age and the vital signs come first, in this order
        told = dict(zip((AGE, *VITALS), row.iloc[: 1 + len(VITALS)].astype(float), strict=True))
        told[SEX] = SEXES.get(row["sex"], np.nan)
        outputs = []
        for name, core in zip(("icu", "admission"), self._cores, strict=True):
            own = dict(zip(core.encoded.names, core.encoded.tables[cell], strict=True))
            known = told | own
            x = np.array([[known.get(feature, np.nan) for feature in core.boosted.names]])
            parts = [m.predict(x, raw_score=True, pred_contrib=True) for m in core.boosted.models]
            outputs.append(NumpyCodec.encode_output(name, np.mean(parts, axis=0)))
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
