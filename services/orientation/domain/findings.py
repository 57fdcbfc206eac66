"""Data-quality findings: what is wrong with an input, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

# One sentence a code, shown to whoever sends the message. Never holds content of a message.
REMEDIES: dict[str, str] = {
    "AGE_BIRTH_DATE_DISAGREE": "Age and birth date do not agree; the age as said "
    "was used. Check both with the caller.",
    "AGE_UNREADABLE": "Write the age as P and a number followed by Y, M, W or D, such as P55Y.",
    "AGE_IMPOSSIBLE": "The age is outside 0 to 130 years and was left out. Ask again.",
    "BIRTH_DATE_UNREADABLE": "Write the birth date as year-month-day, not after today.",
    "CREATION_IN_FUTURE": "The case was created after the present instant. Check the clock of "
    "the sender and the offset of the time.",
    "SAID_IN_FUTURE": "The message was sent after the present instant. Check the clock of the "
    "sender and the offset of the time.",
    "TIME_UNREADABLE": "Write the instant with seconds and an offset, such as "
    "2026-01-05T08:00:00+01:00.",
    "TIME_WITHOUT_OFFSET": "The instant has no offset and was left out. Add +01:00 or +02:00.",
    "UPDATE_TIME_UNKNOWN": "Nothing in the message says when it was sent; dated messages win "
    "over it. Send it inside its envelope.",
    "INSEE_IS_POSTCODE": "The INSEE code is a postcode. Send the INSEE code of the commune; "
    "the commune with this postcode and name was used.",
    "INSEE_UNKNOWN": "No commune has this INSEE code. Send the 5 characters of the commune.",
    "INSEE_CORSICAN": "Codes that start with 2A or 2B break the pattern of the schema; the "
    "code was used as it is.",
    "POSITION_IMPLAUSIBLE": "The position is outside France, often because a digit was lost; "
    "it was not used. Send latitude and longitude again.",
    "POSITION_FAR_FROM_COMMUNE": "The position lies far from the commune that is named; the "
    "position was used. Check which of the two is right.",
    "POSITION_FROM_COMMUNE": "No usable position: the middle of the commune was used. Send "
    "latitude and longitude when known.",
    "POSITION_MISSING": "Neither a usable position nor a known commune: travel times cannot "
    "be given. Send a position or an INSEE code.",
    "MOTIVE_UNKNOWN": "The motive code is in none of the three nomenclatures. Correct it; "
    "until then the case is scored without a motive.",
    "MOTIVE_OTHER_NOMENCLATURE": "The motive code is not in HubSante.motif; it was read whole "
    "as a code of the nomenclature that holds it.",
    "MOTIVE_LABEL_DIFFERS": "The label is not the one of this code. Check which of the two is "
    "meant; the code was used.",
    "MOTIVE_SAYS_NOTHING": "The motive is a default or a catch-all and says nothing of "
    "severity. Choose a precise one.",
    "FACT_UNKNOWN": "The code of what happened is not in HubSante.fait; it was not used.",
    "PRIORITY_DEFAULT": "P2 is the default value of the Hub and says nothing; it was not used. "
    "Set P0, P1 or P3 once a human has decided.",
    "PRIORITY_UNKNOWN": "Write the priority as P0, P1, P2, P3 or NR.",
    "CARE_LEVEL_UNKNOWN": "Write the care level as R1, R2, R3 or R4.",
    "VITAL_RANGE": "A range was given: the worse end was used when one end is abnormal, the "
    "middle otherwise. Send one number.",
    "VITAL_UNIT_IN_TEXT": "A unit was written inside the value and was taken off. Send the "
    "number alone.",
    "VITAL_UNIT_ASSUMED": "The value only makes sense in another unit and was converted. Send "
    "it in the usual unit.",
    "VITAL_UNREADABLE": "No number can be read in this vital sign; it was not used.",
    "VITAL_IMPOSSIBLE": "The vital sign is outside what a living person can have; it was not "
    "used. Measure again.",
    "VITAL_UNKNOWN": "This kind of vital sign is not known; it was not used.",
    "CASES_MAY_BE_SWAPPED": "What this message says contradicts the case that it names and fits "
    "another open case. Check the case id; nothing was moved between the cases.",
    "NOTE_ID_REPEATED": "Two notes carry the same id. Give each note its own.",
    "FINESS_UNKNOWN": "No facility of the directory has this FINESS number; it may be newer "
    "or invented. Check it.",
    "VEHICLE_STATE_LATE": "A vehicle's state is dated more than a day after the case. Check "
    "the date of the state.",
    "VEHICLE_STATE_EARLY": "A vehicle's state is dated more than an hour before the case. "
    "Check the date of the state.",
    "VEHICLE_STATE_IN_FUTURE": "A vehicle's state or position is dated after the present instant "
    "and was left out. Check the clock of the sender.",
    "VEHICLE_TYPE_UNKNOWN": "The vehicle type is not in HubSante.typeVecteur; it was not used.",
    "FLAG_UNKNOWN": "This red flag is not one of the table of rules; it was not used.",
    "COMPLAINT_UNKNOWN": "This complaint code is not in the list of reasons for visit; it was "
    "not used.",
    "FIELD_MISSING": "The schema asks for this field. Add it.",
    "FIELD_INVALID": "The value breaks the schema. Correct it.",
    "FIELD_UNKNOWN": "The schema does not know this field: the Hub would refuse the message. "
    "Remove it.",
    "MESSAGE_NOT_SCORED": "This kind of message changes nothing in a score; it was read and "
    "set aside.",
    "NO_VEHICLES": "No vehicle was sent: everybody waits. Add the vehicles that may be used.",
    "NO_FACILITIES": "No facility is known: everybody waits. Add the facilities that may be used.",
    "MORE_CASUALTIES_THAN_SEATS": "There are more casualties than seats: some wait for a second "
    "round. Ask for more vehicles.",
    "MORE_CASUALTIES_THAN_PLACES": "There are more casualties than free places: some wait. Ask "
    "sites for places, or have a plan declared.",
    "CATEGORY_FROM_BAND": "The casualty has no category; UA or UR was taken from the band. Sort "
    "on the spot.",
    "VEHICLE_CARRIES_NOBODY": "This kind of vehicle carries nobody; it was not used to carry.",
    "VEHICLE_POSITION_OLD": "The vehicle reported its position over half an hour ago. Ask where "
    "it is.",
    "PREVIOUS_GONE": "The casualty, vehicle or site of this earlier assignment is not in the "
    "request any more; a new one was sought.",
    "CAPABILITIES_SYNTHETIC": "The capabilities of this site are made up. Report the real ones.",
    "PLACES_UNKNOWN": "Nobody counted the places of this site; a small number was taken for "
    "granted. Ask the site.",
    "PLACES_UNDATED": "Nobody said when these places were counted; they are hardly believed. "
    "Send the time of the count.",
    "PLACES_OLD": "These places were counted over two hours ago and are hardly believed. Count "
    "again.",
    "PLACES_KEPT_FOR_NOVI": "These places are kept for a category of a NOVI, which is not "
    "declared; they were not used.",
    "CRISIS_PLACES_CLOSED": "These places open with the plan blanc, which is not declared here; "
    "they were not used.",
    "SITE_OVERFULL": "More people are on the way to this site than it has places. Call it, or "
    "send some elsewhere.",
    "MORE_FINDINGS": "More findings of this kind were left out.",
}
# Red flags that free text may point at
TEXT_FLAGS = (
    "ANAPHYLAXIS",
    "ARREST",
    "CHOKING",
    "GUNSHOT",
    "HEAVY_BLEEDING",
    "IMMINENT_BIRTH",
    "SEIZURE",
    "SELF_HARM",
    "SEPSIS_SIGNS",
    "SEVERE_BREATHING",
    "STROKE_SIGNS",
    "UNCONSCIOUS",
)
REMEDIES |= {
    f"TEXT_SUGGESTS_{flag}": "A note may speak of this red flag: "
    f"{flag.replace('_', ' ').lower()}. Nothing was changed for it: choose the motive or set the "
    "flag if it is true."
    for flag in TEXT_FLAGS
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing the reader should know; `path` names a place in the message, no content."""

    code: str
    path: str

    @property
    def remedy(self) -> str:
        return REMEDIES[self.code]


def tidy(findings: list[Finding] | set[Finding] | frozenset[Finding]) -> tuple[Finding, ...]:
    """Each finding once, in a fixed order."""
    return tuple(sorted(set(findings)))
