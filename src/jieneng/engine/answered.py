"""Answers as they lie in the record store, as columns of doubles: no answer becomes a Python object on its way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.json

BLOCK = 4 << 20


def answer_columns(texts: Sequence[str], items: Sequence[str]) -> dict[str, np.ndarray]:
    """``texts``: one JSON object a return, item → "text of a number" or null. Item → (returns,) doubles, NaN where not answered.

    Items that are not asked for are passed over. What Arrow does not take (numbers that are no texts) goes the slow way.
    """
    if not texts:
        return {i: np.zeros(0) for i in items}
    schema = pa.schema([(i, pa.string()) for i in items])
    try:
        found = pyarrow.json.read_json(BytesIO("\n".join(texts).encode()), read_options=pyarrow.json.ReadOptions(block_size=BLOCK),
                                       parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"))
        if len(found) != len(texts):
            raise pa.ArrowInvalid("lines")
        return {i: _doubles(found[i]) for i in items}
    except pa.ArrowInvalid:
        rows = [json.loads(t) for t in texts]
        return {i: np.array([float("nan") if r.get(i) is None else float(r[i]) for r in rows]) for i in items}


def _doubles(column: pa.ChunkedArray) -> np.ndarray:
    """Copied from Arrow's memory, NaN where its bitmap says null: ``to_numpy`` and Arrow's own filling of nulls look for pandas, which takes longer than the rest."""
    whole = column.cast(pa.float64()).combine_chunks()
    valid, numbers = whole.buffers()
    values = np.frombuffer(numbers, np.float64, len(whole), 8 * whole.offset).copy()
    if valid is not None:
        bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")
        values[bits[whole.offset:whole.offset + len(whole)] == 0] = np.nan
    return values
