"""What is sent of a table is what is drawn of it, and no more."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from live.packer import Packer


def read(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def test_what_is_sent_is_no_wider_than_what_is_drawn_needs() -> None:
    numbers = np.array([1 / 3, -1e-20, 0.0, np.nan, np.inf, 4_999_999.0])
    table = pa.table(
        {
            "number": numbers,
            "step": [0, 1, 2, 3, 4, 4_999_999],
            "row": [0, 1, 2, 3, 4, None],
            "text": ["a", "a", "", "b", "b", "b"],
        }
    )
    sent = read(Packer().pack(table))
    assert [str(field.type) for field in sent.schema] == [
        "float",
        "int32",
        "int8",
        "dictionary<values=string, indices=int8, ordered=0>",
    ]
    np.testing.assert_allclose(sent["number"].to_numpy(), numbers, rtol=1 / 2**12)
    for name in ("step", "row", "text"):
        assert sent[name].to_pylist() == table[name].to_pylist()


def test_columns_that_stay_are_sent_as_they_are_and_others_anew() -> None:
    packer, fixed = Packer(), pa.array(["a", "b", "a"])
    for frame in range(5):
        # What is no longer needed is given back, and its place taken by what comes next.
        numbers = np.full(3, float(frame))
        sent = read(packer.pack(pa.table({"text": fixed, "number": numbers})))
        assert sent["text"].to_pylist() == ["a", "b", "a"]
        assert sent["number"].to_pylist() == [frame] * 3


def test_a_part_of_a_column_is_not_taken_for_the_whole() -> None:
    packer, whole = Packer(), pa.array([1, 2, 3])
    for column in (whole, whole.slice(0, 2), whole.slice(1), whole.slice(1, 1), whole):
        sent = read(packer.pack(pa.table({"n": column})))
        assert sent["n"].to_pylist() == column.to_pylist()


def test_a_stream_begins_anew_when_its_texts_do() -> None:
    packer, numbers = Packer(), pa.array([0.5, 1.5])
    texts = [pa.array(each) for each in (["a", "b"], ["a", "c"], ["b", "b"])]
    for text in (*texts, texts[0], texts[0], texts[2]):
        for n in (numbers, numbers.slice(0, 1)):
            part = text.slice(0, len(n))
            data = packer.pack(pa.table({"text": part, "n": n}))
            assert data == Packer().pack(pa.table({"text": part, "n": n}))
            assert read(data).to_pydict() == {"text": part.to_pylist(), "n": n.to_pylist()}
    # Another column, and another type of one.
    assert read(packer.pack(pa.table({"n": numbers})))["n"].to_pylist() == [0.5, 1.5]
    assert read(packer.pack(pa.table({"n": [300, 1]})))["n"].to_pylist() == [300, 1]
