"""Terms of a model folded into fewer tables, and functions written out that read each once."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
Inputs = tuple[str, ...]


class Folded(NamedTuple):
    """Entries over one input or a pair, the second input running fastest.

    Two tables over the same inputs may share their memory: `step` is 2 then, and `offset`
    says which of each two entries is meant.
    """

    inputs: Inputs
    entries: Sequence[float]
    step: int = 1
    offset: int = 0


class Folding:
    """Folds terms into tables; equal sets of terms share their table."""

    def __init__(self, model: SeverityModel) -> None:
        self._groups = np.asarray(model.group_of)
        self.sizes = {name: grid.size for name, grid in GRIDS.items()}
        self.sizes[COMPLAINT] = model.complaints.size
        self._made: dict[tuple[int, ...], list[Folded]] = {}
        self._joined: dict[tuple[int, int], array[float]] = {}

    def fold(self, terms: Sequence[Term]) -> list[Folded]:
        """A table for each pair of inputs; a single input goes into a pair that has it."""
        key = tuple(id(term) for term in terms)
        if key not in self._made:
            parts = [self._spread(term) for term in terms]
            out: dict[Inputs, Floats] = {}
            for inputs, table in sorted(parts, key=lambda part: -len(part[0])):
                self._add(out, inputs, table)
            # Single precision, as the entries themselves: less memory is walked through.
            self._made[key] = [
                Folded(inputs, array("f", np.ascontiguousarray(table, dtype=np.float32).tobytes()))
                for inputs, table in out.items()
            ]
        return self._made[key]

    def join(
        self, first: Mapping[str, list[Folded]], second: list[Folded]
    ) -> tuple[dict[str, list[Folded]], list[Folded]]:
        """The same tables; two over the same inputs lie side by side, so one look finds both."""
        beside = {table.inputs: table for table in second}
        joined = {}
        for reason, tables in first.items():
            joined[reason] = list(tables)
            for at, table in enumerate(tables):
                other = beside.get(table.inputs)
                if other is not None and other.step == 1:
                    shared = self._shared(table, other)
                    joined[reason][at] = Folded(table.inputs, shared, 2, 0)
                    beside[table.inputs] = Folded(table.inputs, shared, 2, 1)
        return joined, list(beside.values())

    def _shared(self, one: Folded, other: Folded) -> array[float]:
        key = (id(one.entries), id(other.entries))
        if key not in self._joined:
            both = np.stack([np.asarray(one.entries), np.asarray(other.entries)], axis=1)
            self._joined[key] = array("f", np.ascontiguousarray(both, np.float32).tobytes())
        return self._joined[key]

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


class Lines:
    """Writes one function of one cell an input, in the order of INPUTS.

    Nothing but places of inputs and sizes of tables stands in the text; tables, names and
    numbers reach it as values. A place that is read in several tables is worked out once.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self._values: dict[str, object] = {}
        self._lines: list[str] = []
        self._indices: dict[str, str] = {}

    def parts(self, folded: Sequence[list[Folded]], base: float) -> str:
        """The sum, then its parts, one for each list of tables."""
        names = []
        for tables in folded:
            name = f"e{len(self._lines)}"
            self._lines.append(f" {name} = {self._reads(tables)}")
            names.append(name)
        return f"{' + '.join([self._value(base), *names])}, ({', '.join(names)},)"

    def total(self, tables: list[Folded], base: float) -> str:
        return f"{self._value(base)} + {self._reads(tables)}"

    def function(self, answer: str) -> Any:
        cells = ", ".join(f"c{place}" for place in range(len(INPUTS)))
        # tables are bound as defaults: a local name is found faster than a global one
        bound = "".join(f", {name}={name}" for name in self._values)
        lines = [f" {cells} = cells", *self._lines, f" return {answer}"]
        text = "\n".join([f"def look(cells{bound}):", *lines])
        exec(compile(text, "<severity tables>", "exec"), self._values)  # noqa: S102  see above
        return self._values["look"]

    def _value(self, value: object) -> str:
        name = f"v{len(self._values)}"
        self._values[name] = value
        return name

    def _reads(self, tables: list[Folded]) -> str:
        return " + ".join(self._read(table) for table in tables) or "0.0"

    def _read(self, table: Folded) -> str:
        place = self._index(table.inputs, table.step)
        more = f" + {table.offset}" if table.offset else ""
        return f"{self._value(table.entries)}[{place}{more}]"

    def _index(self, inputs: Inputs, step: int) -> str:
        place = f"c{AT[inputs[0]]}"
        if len(inputs) == 2:
            place = f"{place} * {self.sizes[inputs[1]] * step} + {self._times(inputs[1], step)}"
        else:
            place = self._times(inputs[0], step)
        if place not in self._indices:
            name = f"i{len(self._lines)}"
            self._lines.append(f" {name} = {place}")
            self._indices[place] = name
        return self._indices[place]

    def _times(self, name: str, step: int) -> str:
        """A cell counted in steps; several tables share it."""
        cell = f"c{AT[name]}"
        if step == 1:
            return cell
        if (times := f"{cell} * {step}") not in self._indices:
            self._indices[times] = f"t{len(self._lines)}"
            self._lines.append(f" {self._indices[times]} = {times}")
        return self._indices[times]
