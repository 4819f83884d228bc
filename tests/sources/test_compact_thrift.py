from __future__ import annotations

import pytest

from codo.sources.compact_thrift import TooShort, read_struct


def test_a_struct_by_hand() -> None:
    # 1: i32 = 3 (zigzag 6), 3: true, 4: {1: i64 = -1}, 5: binary "ab", 20: list of two i32; stop
    data = bytes([0x15, 6, 0x21, 0x1C, 0x16, 1, 0, 0x18, 2, *b"ab", 0x09, 40, 0x25, 2, 4, 0])
    assert read_struct(data + b"rest") == ({1: 3, 3: True, 4: {1: -1}, 5: b"ab", 20: [1, 2]}, len(data))


def test_numbers_of_several_bytes_and_lists_of_truths() -> None:
    assert read_struct(bytes([0x15, 0x80, 0x02, 0x19, 0x22, 1, 2, 0])) == ({1: 128, 2: [True, False]}, 8)


@pytest.mark.parametrize("data", [b"", b"\x15", b"\x15\x80", b"\x18\x05ab", b"\x19\xf5\xff\xff\x7f"])
def test_what_ends_early_asks_for_more(data: bytes) -> None:
    with pytest.raises(TooShort):
        read_struct(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x1c" * 20, "nested"),
        (b"\x1f\x00", "unknown type 15"),
        (b"\x15" + b"\xff" * 10, "more than 64 bits"),
    ],
)
def test_what_is_no_struct(data: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_struct(data)
