"""Case updates from the wire, and back."""

from __future__ import annotations

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.typed import TypedUpdate
from services.orientation.wire.times import from_stamp, to_stamp

SEXES = {pb.SEX_FEMALE: "F", pb.SEX_MALE: "M", pb.SEX_OTHER: "O"}
AWAKE = {
    pb.CONSCIOUSNESS_ALERT: "ALERT",
    pb.CONSCIOUSNESS_VOICE: "VOICE",
    pb.CONSCIOUSNESS_PAIN: "PAIN",
    pb.CONSCIOUSNESS_UNRESPONSIVE: "UNRESPONSIVE",
}
# by the number of the field: a name takes longer to ask for
VITALS = {
    pb.Vitals.DESCRIPTOR.fields_by_name[name].number: name
    for name in (
        "heart_rate_bpm",
        "respiratory_rate_bpm",
        "systolic_bp_mmhg",
        "diastolic_bp_mmhg",
        "spo2_percent",
        "temperature_c",
        "glasgow",
        "pain_0_10",
    )
}


def update_from_wire(update: pb.CaseUpdate) -> TypedUpdate:
    """Fields left out stay left out; none becomes 0."""
    sent, place = update.vitals, update.place
    return TypedUpdate(
        update.case_id,
        update.update_id,
        from_stamp(update.said_time),
        update.age_years if update.HasField("age_years") else None,
        SEXES.get(update.sex, ""),
        update.motive_code,
        update.motive_label,
        tuple(update.complaint_codes),
        {
            VITALS[field.number]: float(value)
            for field, value in sent.ListFields()
            if field.number in VITALS
        },
        AWAKE.get(sent.consciousness, ""),
        place.latitude if place.HasField("latitude") else None,
        place.longitude if place.HasField("longitude") else None,
        place.insee_code,
        update.priority,
        update.care_level,
        tuple(update.flags),
        update.exercise,
        update.owner,
        update.chronic_condition_count if update.HasField("chronic_condition_count") else None,
    )


def update_to_wire(update: TypedUpdate) -> pb.CaseUpdate:
    out = pb.CaseUpdate(
        case_id=update.case_id,
        update_id=update.update_id,
        said_time=to_stamp(update.said),
        age_years=update.age_years,
        sex=next((c for c, word in SEXES.items() if word == update.sex), pb.SEX_UNSPECIFIED),
        motive_code=update.motive_code,
        motive_label=update.motive_label,
        complaint_codes=update.complaint_codes,
        priority=update.priority,
        care_level=update.care_level,
        flags=update.flags,
        exercise=update.exercise,
        owner=update.owner,
        chronic_condition_count=update.chronic_conditions,
    )
    for name, value in update.vitals.items():
        setattr(out.vitals, name, int(value) if name == "glasgow" else value)
    for code, word in AWAKE.items():
        if word == update.consciousness:
            out.vitals.consciousness = code
    if update.latitude is not None:
        out.place.latitude = update.latitude
    if update.longitude is not None:
        out.place.longitude = update.longitude
    if update.insee_code:
        out.place.insee_code = update.insee_code
    return out
