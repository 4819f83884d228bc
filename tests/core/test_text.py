"""Encodings of text files."""

from __future__ import annotations

import pytest

from codo.core.text import decode_text

TEXT = "names: [cat, größe, 猫]\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_unicode_encoding_with_its_mark(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding)) == TEXT
    assert decode_text("".encode(encoding)) == ""


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("data", [b"caf\xe9", "猫和狗".encode("gb2312"), b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"a\0\0\0\0"])
def test_other_bytes_are_no_text(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(data)
