"""Groups of calls from requests to answers as bytes, kept before they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.hub.reader import Reading
from services.orientation.use_cases.score import Asked, Prepared, ScoreCase, Scored
from services.orientation.wire.answers import scored_to_bytes
from services.orientation.wire.cases import update_from_wire
from shared.errors import Refusal


class Call(NamedTuple):
    """A request and the trace that it came under."""

    request: pb.ScoreCaseRequest
    trace: str


@dataclass(frozen=True, slots=True)
class Made:
    """A group of calls on its way: what was refused, and where the other answers belong."""

    out: list[bytes | Refusal]
    places: Sequence[int]
    prepared: Prepared


class Answering:
    """Answers in the order of the calls; a refusal stands for the answer of one that is refused.

    `prepare` and `finish` are the two halves: while one group is finished the next one can be
    prepared, in this order.
    """

    def __init__(self, score: ScoreCase) -> None:
        self._score = score

    def prepare(self, calls: Sequence[Call]) -> Made:
        """One call that cannot be read harms no other."""
        out: list[bytes | Refusal] = []
        readable: list[tuple[int, Asked]] = []
        for place, call in enumerate(calls):
            try:
                asked = Asked(self._read(call.request), call.request.shown_to, call.trace)
                readable.append((place, asked))
                out.append(b"")
            except Refusal as refusal:
                out.append(refusal)
        prepared = self._score.prepare([asked for _, asked in readable])
        made = Made(out, [place for place, _ in readable], prepared)
        self._fill(made, prepared.scored)
        return made

    def finish(self, made: Made) -> list[bytes | Refusal]:
        """The answers once they are kept."""
        scored = self._score.keep(made.prepared)
        if scored is not made.prepared.scored:  # answered again from what the store holds
            self._fill(made, scored)
        return made.out

    def late(self, request: pb.ScoreCaseRequest) -> bytes:
        """The rules' answer, without model and store."""
        return self._wire(self._score.late(self._read(request)))

    def _read(self, request: pb.ScoreCaseRequest) -> Reading:
        if request.WhichOneof("update") == "hub_json":
            return self._score.read(request.hub_json)
        return self._score.read_typed(update_from_wire(request.typed))

    def _fill(self, made: Made, scored: Sequence[Scored]) -> None:
        for place, answer in zip(made.places, scored, strict=True):
            made.out[place] = self._wire(answer)

    def _wire(self, scored: Scored) -> bytes:
        model = self._score.model
        version = model.version if model else ""
        return scored_to_bytes(scored.answers, scored.findings, version)
