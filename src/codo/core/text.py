"""Text files as people's tools write them: UTF-8 with or without a byte-order mark, or UTF-16."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(data: bytes) -> str:
    """The text of a file, without its byte-order mark.

    Raises:
        UnicodeDecodeError: Neither UTF-8 nor UTF-16 or UTF-32.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and 0 in data:  # no text file has zeros, except UTF-16 without a mark
        even, odd = data[::2].count(0), data[1::2].count(0)
        encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = data.decode(encoding)
    if "\0" in text:
        raise UnicodeDecodeError(encoding, data, 0, 1, "there are zeros in it")
    return text
