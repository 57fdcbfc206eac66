"""Terms of a model folded into fewer tables, and functions written out that read each once."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    CHRONIC,
    COMPLAINT,
    COUNT,
    GRIDS,
    GROUP,
    PAIN,
    SEX,
    VITALS,
    Floats,
)
from services.orientation.domain.model import SeverityModel, Term

# The order in which a written-out function takes its cells
INPUTS = (AGE, SEX, COMPLAINT, AMBULANCE, COUNT, CHRONIC, PAIN, *VITALS)
AT = {name: place for place, name in enumerate(INPUTS)}
# A list is read faster than an array and takes four times the room: for the small tables only
LISTED = 20_000
Inputs = tuple[str, ...]
Folded = tuple[Inputs, Sequence[float]]


class Folding:
    """Folds terms into tables; equal sets of terms share their table."""

    def __init__(self, model: SeverityModel) -> None:
        self._groups = np.asarray(model.group_of)
        self.sizes = {name: grid.size for name, grid in GRIDS.items()}
        self.sizes[COMPLAINT] = model.complaints.size
        self._made: dict[tuple[int, ...], list[Folded]] = {}

    def fold(self, terms: Sequence[Term]) -> list[Folded]:
        """A table for each pair of inputs; a single input goes into a pair that has it."""
        key = tuple(id(term) for term in terms)
        if key not in self._made:
            parts = [self._spread(term) for term in terms]
            out: dict[Inputs, Floats] = {}
            for inputs, table in sorted(parts, key=lambda part: -len(part[0])):
                self._add(out, inputs, table)
            self._made[key] = [(inputs, _kept(table)) for inputs, table in out.items()]
        return self._made[key]

    def _spread(self, term: Term) -> tuple[Inputs, Floats]:
        """A table over groups as one over complaints: each complaint has one group."""
        inputs = (term.first, term.second) if term.second else (term.first,)
        table = np.asarray(term.entries, dtype=np.float64)
        if term.second:
            table = table.reshape(-1, term.width)
        if term.first == GROUP:
            return (COMPLAINT, *inputs[1:]), table[self._groups]
        return inputs, table

    def _add(self, out: dict[Inputs, Floats], inputs: Inputs, table: Floats) -> None:
        if inputs in out:
            out[inputs] = out[inputs] + table
            return
        pair = next((known for known in out if set(inputs) < set(known)), None)
        if pair is None:
            out[inputs] = table
        else:
            out[pair] = out[pair] + (table[:, None] if pair[0] == inputs[0] else table)


def _kept(table: Floats) -> Sequence[float]:
    if table.size <= LISTED:
        listed: list[float] = table.ravel().tolist()
        return listed
    return array("d", np.ascontiguousarray(table).tobytes())


class Lines:
    """Writes one function of one cell an input, in the order of INPUTS.

    Nothing but places of inputs and sizes of tables stands in the text; tables, names and
    numbers reach it as values. A place that is read in several tables is worked out once.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self._values: dict[str, object] = {}
        self._lines: list[str] = []
        self._indices: dict[Inputs, str] = {}

    def reasons(self, folded: Mapping[str, list[Folded]], base: float) -> str:
        """The sum, then the pairs of reason and what it adds."""
        sums, told = [self._value(base)], []
        for reason, tables in folded.items():
            name = f"e{len(self._lines)}"
            self._lines.append(f" {name} = {self._reads(tables)}")
            sums.append(name)
            told.append(f"({self._value(reason)}, {name})")
        return f"{' + '.join(sums)}, ({', '.join(told)},)"

    def total(self, tables: list[Folded], base: float) -> str:
        return f"{self._value(base)} + {self._reads(tables)}"

    def function(self, answer: str) -> Any:
        cells = ", ".join(f"c{place}" for place in range(len(INPUTS)))
        text = "\n".join([f"def look({cells}):", *self._lines, f" return {answer}"])
        exec(compile(text, "<severity tables>", "exec"), self._values)  # noqa: S102  see above
        return self._values["look"]

    def _value(self, value: object) -> str:
        name = f"v{len(self._values)}"
        self._values[name] = value
        return name

    def _reads(self, tables: list[Folded]) -> str:
        reads = [f"{self._value(entries)}[{self._index(inputs)}]" for inputs, entries in tables]
        return " + ".join(reads) or "0.0"

    def _index(self, inputs: Inputs) -> str:
        first = f"c{AT[inputs[0]]}"
        if len(inputs) == 1:
            return first
        if inputs not in self._indices:
            name = f"i{len(self._lines)}"
            place = f"{first} * {self.sizes[inputs[1]]} + c{AT[inputs[1]]}"
            self._lines.append(f" {name} = {place}")
            self._indices[inputs] = name
        return self._indices[inputs]
