"""The columns of YOLO's label lines, as tools write them."""

from __future__ import annotations

import re
from pathlib import Path

from codo.core.errors import InputError
from codo.core.text import decode_text


def read_label_file(file: Path) -> str | None:
    """The text of a label file, ``None`` if there is none; the extension may be in upper case.

    Raises:
        InputError: Not readable, or not text in UTF-8 or UTF-16.
    """
    for path in (file, file.with_suffix(".TXT")):
        try:
            return decode_text(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"cannot read a label file: {error}", where=str(path), fix="write it again, as UTF-8 text"
            ) from error
    return None


def split_columns(line: str) -> list[str]:
    """The columns of a line, separated by spaces or by commas.

    Where commas may be decimal (``0 0,5 0,5``), they are left: such a line is refused for its numbers.
    """
    if "," not in line:
        return line.split()
    columns = [column.strip() for column in line.strip().rstrip(",").split(",")]
    if not any(re.search(r"\s", column) for column in columns):
        return columns
    return re.split(r"[,\s]+", line.strip().rstrip(",")) if "." in line else line.split()
