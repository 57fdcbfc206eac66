"""The complaint vocabulary: three generations of motive codes, matched whole, never by prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.orientation.domain.text import same_label

CURRENT = "HubSante.motif"


@dataclass(frozen=True, slots=True)
class Motive:
    """What one code means to us. A draft: a doctor has to approve each line."""

    code: str
    nomenclature: str
    label: str
    complaint_code: int | None
    syndrome_group: str
    pathway: str
    flag: str
    provenance: str
    needs_doctor_approval: bool


@dataclass(frozen=True, slots=True)
class Complaint:
    """One reason for visit (NCHS), the vocabulary in which the severity model was trained."""

    code: int
    label: str
    group: str


@dataclass(frozen=True, slots=True)
class GroupMeaning:
    """What a group of complaints means for orientation."""

    syndrome_group: str
    pathway: str
    flag: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every code that a case may name its problem by."""

    motives: Mapping[str, Motive]
    complaints: Mapping[int, Complaint]
    groups: Mapping[str, GroupMeaning]
    codes: Mapping[int, GroupMeaning]

    @staticmethod
    def of(
        motives: Iterable[Motive],
        complaints: Iterable[Complaint],
        groups: Mapping[str, GroupMeaning],
        codes: Mapping[int, GroupMeaning],
    ) -> Vocabulary:
        by_code: dict[str, Motive] = {}
        for motive in motives:
            if motive.code in by_code:
                raise ValueError(f"motive code {motive.code} is listed twice")
            by_code[motive.code] = motive
        return Vocabulary(by_code, {c.code: c for c in complaints}, groups, codes)

    def motive(self, code: str) -> Motive | None:
        """The whole code or nothing: M20.00 and M20.00.00 mean opposite things."""
        return self.motives.get(code)

    def meaning(self, complaint_code: int) -> GroupMeaning | None:
        """What a complaint code asks for; its own line wins over the one of its group."""
        own = self.codes.get(complaint_code)
        if own is not None:
            return own
        complaint = self.complaints.get(complaint_code)
        return None if complaint is None else self.groups.get(complaint.group)

    def problems(self, code: str, label: str) -> tuple[str, ...]:
        """Codes of the findings about a motive as it was sent."""
        motive = self.motive(code)
        if motive is None:
            return ("MOTIVE_UNKNOWN",)
        found = []
        if motive.nomenclature != CURRENT:
            found.append("MOTIVE_OTHER_NOMENCLATURE")
        if label and not same_label(label, motive.label):
            found.append("MOTIVE_LABEL_DIFFERS")
        if motive.complaint_code is None and not motive.flag and motive.pathway == "GENERAL":
            found.append("MOTIVE_SAYS_NOTHING")
        return tuple(found)
