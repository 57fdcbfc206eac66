"""Ways to break good input: bytes, JSON, protobuf messages, tables and arrays."""

from __future__ import annotations

import io
import json
import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

TEXTS = (
    *("", " ", "0", "-1", "1e400", "NaN", "\x00", "\ud7ff", "\u00e9" * 300, "'; --", "../../etc"),
    *("x" * 5000, "2026-02-30", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+99:99", "15-01-2026"),
    *("null", "{}", "[]", "\U0001d518\U0001d52b", "%s%n", "1,5", "1_000", "\u0663"),
)
NUMBERS = (0, 1, -1, 2, 255, 2**31 - 1, -(2**31), 2**53, 2**63 - 1, -(2**63), 10**30)
REALS = (0.0, -0.0, 0.5, -1.0, 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan)


def bytes_mutant(draw: random.Random, pool: Sequence[bytes]) -> bytes:
    """Flips, cuts, doubles, joins with another example."""
    data = bytearray(draw.choice(pool))
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        at = draw.randrange(len(data) + 1)
        what = draw.randrange(7)
        if what == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif what == 1:
            del data[at : at + draw.choice((1, 2, 8, 64))]
        elif what == 2:
            data[at:at] = draw.randbytes(draw.choice((1, 2, 8, 64)))
        elif what == 3:
            del data[at:]
        elif what == 4:
            data[at:at] = data[at : at + draw.choice((4, 32, 256))]
        elif what == 5:
            data[at : at + 4] = struct.pack("<i", draw.choice((0, -1, 2**31 - 1, -(2**31))))
        else:
            other = draw.choice(pool)
            data[at:] = other[draw.randrange(len(other) + 1) :]
    return bytes(data)


def any_json(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return draw.choice((None, True, False))
    if kind <= 2:
        return draw.choice(TEXTS)
    if kind <= 3:
        return draw.choice(NUMBERS)
    if kind <= 5:
        return draw.choice([x for x in REALS if math.isfinite(x)])
    if kind == 6:
        return [any_json(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(TEXTS): any_json(draw, depth + 1) for _ in range(draw.randrange(4))}


def json_mutant(draw: random.Random, pool: Sequence[bytes]) -> bytes:
    """The tree with a few places changed; one in eight is broken as bytes instead."""
    chosen = draw.choice(pool)
    try:
        tree = json.loads(chosen)
    except (ValueError, RecursionError):
        return bytes_mutant(draw, pool)
    if draw.randrange(8) == 0:
        return bytes_mutant(draw, pool)
    for _ in range(draw.choice((1, 1, 2, 5))):
        places: list[tuple[Any, Any]] = []
        _places(tree, places)
        if not places:
            return json.dumps(any_json(draw)).encode()
        holder, key = draw.choice(places)
        _change(draw, holder, key, places)
    return json.dumps(tree, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(tree: Any, found: list[tuple[Any, Any]]) -> None:
    if isinstance(tree, dict):
        for key in tree:
            found.append((tree, key))
            _places(tree[key], found)
    elif isinstance(tree, list):
        for key in range(len(tree)):
            found.append((tree, key))
            _places(tree[key], found)


def _change(draw: random.Random, holder: Any, key: Any, places: Sequence[tuple[Any, Any]]) -> None:
    what = draw.randrange(7)
    if what == 0:
        del holder[key]
    elif what == 1:
        other, name = draw.choice(places)
        try:
            holder[key] = json.loads(json.dumps(other[name]))  # another place's value
        except (KeyError, IndexError):
            holder[key] = None
    elif what == 2 and isinstance(holder, dict):
        holder[draw.choice(TEXTS)] = holder.pop(key)
    elif what == 3 and isinstance(holder, list):
        holder.extend([holder[key]] * draw.choice((1, 2, 50)))
    elif what == 4:
        deep: Any = holder[key]
        for _ in range(draw.choice((1, 3, 200))):
            deep = [deep]
        holder[key] = deep
    else:
        holder[key] = any_json(draw)


def message_mutant(kind: type[Message]) -> Callable[[random.Random, Sequence[bytes]], bytes]:
    """A valid message with fields set to what no one should send; one in six broken as bytes."""

    def mutate(draw: random.Random, pool: Sequence[bytes]) -> bytes:
        message = kind()
        try:
            message.ParseFromString(draw.choice(pool))
        except DecodeError:
            return bytes_mutant(draw, pool)
        if draw.randrange(6) == 0:
            return bytes_mutant(draw, pool)
        for _ in range(draw.choice((1, 1, 2, 5))):
            spoil(draw, message)
        return message.SerializeToString()

    return mutate


def spoil(draw: random.Random, message: Any, depth: int = 0) -> None:
    """Changes one field of a message, or one of a message inside it."""
    fields = list(message.DESCRIPTOR.fields)
    if not fields:
        return
    field = draw.choice(fields)
    if draw.random() < 0.15:
        message.ClearField(field.name)
        return
    if field.message_type is not None:
        _spoil_inside(draw, message, field, depth)
    elif field.is_repeated:
        values = [_scalar(draw, field) for _ in range(draw.choice((1, 2, 30)))]
        getattr(message, field.name).extend(values)
    else:
        setattr(message, field.name, _scalar(draw, field))


def _spoil_inside(draw: random.Random, message: Any, field: FieldDescriptor, depth: int) -> None:
    if depth > 4:
        return
    held = getattr(message, field.name)
    inside = field.message_type
    if inside is None or inside.GetOptions().map_entry:
        return
    if field.is_repeated:
        if not held or draw.random() < 0.3:
            held.add()
        spoil(draw, held[draw.randrange(len(held))], depth + 1)
        if draw.random() < 0.1:
            held.extend(list(held)[:20])
    else:
        held.SetInParent()
        spoil(draw, held, depth + 1)


def _scalar(draw: random.Random, field: FieldDescriptor) -> Any:
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        text = draw.choice(TEXTS)
        return draw.randbytes(draw.randrange(40)) if field.type == field.TYPE_BYTES else text
    if kind == field.CPPTYPE_BOOL:
        return draw.random() < 0.5
    if kind == field.CPPTYPE_ENUM:
        return draw.choice((0, 1, 2, 3, 99, -1))
    if kind in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return draw.choice(REALS)
    small = kind in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32)
    low = 0 if kind in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64) else -(2**63)
    low, high = (max(low, -(2**31)), 2**31 - 1) if small else (low, 2**63 - 1)
    return min(high, max(low, draw.choice(NUMBERS)))


def table_mutant(suffix: str) -> Callable[[random.Random, Sequence[bytes]], bytes]:
    """A Parquet or CSV table with cells, columns, types and rows changed."""

    def mutate(draw: random.Random, pool: Sequence[bytes]) -> bytes:
        import pandas as pd  # noqa: PLC0415  only who fuzzes files pays for it

        chosen = draw.choice(pool)
        if draw.randrange(6) == 0:
            return bytes_mutant(draw, pool)
        try:
            read = pd.read_parquet if suffix == "parquet" else pd.read_csv
            frame = read(io.BytesIO(chosen))
        except Exception:  # noqa: BLE001  what was broken before is broken further as bytes
            return bytes_mutant(draw, pool)
        for _ in range(draw.choice((1, 1, 2, 4))):
            frame = _changed(draw, frame)
        out = io.BytesIO()
        try:
            if suffix == "parquet":
                frame.to_parquet(out, index=False)
            else:
                frame.to_csv(out, index=False)
        except Exception:  # noqa: BLE001  a table that cannot be written reaches no one
            return bytes_mutant(draw, pool)
        return out.getvalue()

    return mutate


def _changed(draw: random.Random, frame: Any) -> Any:
    import pandas as pd  # noqa: PLC0415

    if not len(frame.columns) or not len(frame):
        return frame
    name, row = draw.choice(list(frame.columns)), draw.randrange(len(frame))
    what = draw.randrange(10)
    if what == 0:
        return frame.drop(columns=[name])
    if what == 1:
        return frame.rename(columns={name: draw.choice([*TEXTS[:6], *map(str, frame.columns)])})
    if what == 2:
        return frame.iloc[: draw.choice((0, 1, 2))]
    if what == 3:
        return pd.concat([frame, frame.iloc[[row]]], ignore_index=True)
    if what == 4:
        return frame.sample(frac=1, random_state=draw.randrange(1000))
    column = _column(draw, frame[name], row, what)
    places = [k for k, other in enumerate(frame.columns) if other == name]
    frame = frame.copy()
    frame.isetitem(places[0], column)
    return frame


def _column(draw: random.Random, column: Any, row: int, what: int) -> Any:
    """The column with one value for all, of another type, or with one strange cell."""
    import pandas as pd  # noqa: PLC0415

    if getattr(column, "ndim", 1) > 1:  # a name that stands twice
        column = column.iloc[:, 0]
    if what == 5:
        values = (None, "x", 1, -1.5, math.nan, math.inf, True, b"\xff")
        return pd.Series([draw.choice(values)] * len(column), index=column.index)
    if what == 6:
        kind = draw.choice(("str", "float64", "float32", "category", "object", "int8"))
        try:
            return column.astype(kind)
        except (ValueError, TypeError):
            return column.astype("object")
    cells = column.astype("object")
    if what == 7:
        wild = ("1970-01-01", "2261-01-01", "1700-01-01", "2026-03-29 02:30", "2026-10-25 02:30")
        cells.iloc[row] = pd.Timestamp(draw.choice(wild))
        return pd.to_datetime(cells, errors="coerce", format="mixed")
    cells.iloc[row] = draw.choice((None, *TEXTS, *NUMBERS[:9], *REALS))
    kinds = {type(value) for value in cells if value is not None}
    return cells if kinds <= {str} else pd.to_numeric(cells, errors="coerce")


def arrays_mutant(draw: random.Random, pool: Sequence[bytes]) -> bytes:
    """An .npz file with arrays lacking, reshaped, of other types, with other numbers."""
    chosen = draw.choice(pool)
    if draw.randrange(6) == 0:
        return bytes_mutant(draw, pool)
    try:
        with np.load(io.BytesIO(chosen), allow_pickle=False) as file:
            arrays = {name: np.array(file[name]) for name in file.files}
    except Exception:  # noqa: BLE001  what was broken before is broken further as bytes
        return bytes_mutant(draw, pool)
    for _ in range(draw.choice((1, 1, 2, 4))):
        if not arrays:
            break
        name = draw.choice(sorted(arrays))
        arrays[name] = _other(draw, arrays[name])
        if draw.random() < 0.1:
            del arrays[name]
    out = io.BytesIO()
    named: dict[str, Any] = {name or "empty": array for name, array in arrays.items()}
    np.savez(out, allow_pickle=False, **named)
    return out.getvalue()


def _other(draw: random.Random, array: Any) -> Any:
    what = draw.randrange(7)
    if what == 0:
        return array.ravel()
    if what == 1:
        return array[..., :0] if array.ndim else array[None]
    if what == 2:
        return array.astype(draw.choice(("float32", "int8", "bool", "complex64", "U8", "int64")))
    if what == 3 and array.ndim:
        return array[: draw.randrange(len(array) + 1)]
    if what == 4:
        return np.array(draw.choice((0, -1, math.nan, 1e300, "x")))
    if not array.size or array.dtype.kind not in "fiub":
        return array
    flat = array.copy().ravel()
    values = REALS if array.dtype.kind == "f" else (0, 1, 2, 127)
    with np.errstate(all="ignore"):
        flat[draw.randrange(flat.size)] = draw.choice(values)
        if what == 5:
            flat[:] = -flat if array.dtype.kind in "fi" else flat
    return flat.reshape(array.shape)
