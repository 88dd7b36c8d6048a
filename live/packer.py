"""Tables as the browser reads them, and no larger than what is drawn needs."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Said once: without it each stream asks the environment for its format.
_OPTIONS = pa.ipc.IpcWriteOptions()

_FEW_TEXTS = pa.dictionary(pa.int8(), pa.string())

# What a stream ends with: the message that no other follows.
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Packer:
    """Packs one chart's tables, one after the other.

    Most of a chart's columns are the very same memory in every frame: those are made narrow once.
    So are its texts as a rule, and with them all of the stream that comes before the rows: written
    anew each time, it takes most of the time that there is for packing.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[pa.Array, list[int], pa.Array]] = {}
        self._head, self._schema = b"", pa.schema([])
        self._texts: list[pa.Array] = []

    def pack(self, table: pa.Table) -> bytes:
        """The table as an Arrow IPC stream."""
        columns = list(map(self._narrow, table.column_names, table.columns))
        batch = pa.RecordBatch.from_arrays(columns, table.column_names)
        texts = [each for each in columns if isinstance(each, pa.DictionaryArray)]
        rows = batch.serialize().to_pybytes()
        if not (self._schema.equals(batch.schema) and all(map(is_, texts, self._texts))):
            self._head = _stream(batch)[: -len(rows + _END)]
            self._schema, self._texts = batch.schema, texts
        packed: bytes = self._head + rows + _END
        return packed

    def _narrow(self, name: str, column: pa.ChunkedArray) -> pa.Array:
        wide = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        where = [len(wide), wide.offset, *(buffer.address for buffer in wide.buffers() if buffer)]
        kept = self._kept.get(name)
        # What is kept is not given back to anybody: the same place holds the same numbers.
        if kept is None or kept[1] != where:
            kept = self._kept[name] = (wide, where, _narrow(wide))
        return kept[2]


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as stream:
        stream.write_batch(batch)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def _narrow(column: pa.Array) -> pa.Array:
    """Numbers to three digits, small integers, and each text once."""
    kind = column.type
    if pa.types.is_floating(kind):
        return pa.array(_rounded(column.to_numpy(zero_copy_only=False)))
    if pa.types.is_string(kind):
        texts = column.dictionary_encode()
        few = len(texts.dictionary) < 2**7
        return texts.cast(_FEW_TEXTS) if few else texts
    if pa.types.is_int64(kind) and len(column) > column.null_count:
        ends = pc.min_max(column).as_py()
        return column.cast(_narrowest(ends["min"], ends["max"]))
    return column


def _rounded(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """To twelve significant bits, a tenth of a pixel: what is rounded away would be noise to pack.

    >>> _rounded(np.array([1 / 3, 0.0]))
    array([0.33337402, 0.        ], dtype=float32)
    """
    with np.errstate(over="ignore"):
        singles = numbers.astype(np.float32)
    bits = (singles.view(np.uint32) + np.uint32(1 << 11)) & np.uint32(0xFFFFF000)
    return np.where(np.isfinite(singles), bits.view(np.float32), singles)


def _narrowest(low: int, high: int) -> pa.DataType:
    for bits, kind in ((7, pa.int8()), (15, pa.int16()), (31, pa.int32())):
        if -(2**bits) <= low and high < 2**bits:
            return kind
    return pa.int64()
