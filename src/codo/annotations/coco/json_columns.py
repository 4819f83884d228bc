"""Columns of a JSON list, with their types checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.core.errors import InputError
from codo.label_formats.table import Extra
from codo.layouts.entries import Entries


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        name: Name of the file in messages.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the {name}: {error.strerror}", where=str(path), fix="check the path") from error


class JsonColumns(Entries):
    """One list of a JSON file, read column by column.

    Args:
        rows: What the file holds under ``name``.
        name: Key in the file: ``images``, ``categories`` or ``annotations``.
        singular: Name of one row in messages.
        path: The file, for messages.

    Raises:
        InputError: Not a list of JSON objects.
    """

    def __init__(self, rows: Any, name: str, singular: str, path: Path) -> None:
        super().__init__(singular)
        self.path = path
        if not isinstance(rows, list):
            raise InputError(
                f"'{name}' is missing or not a list", where=str(path), fix="give a COCO annotation file (instances)"
            )
        self.rows: list[dict[Any, Any]] = rows
        self.ids: npt.NDArray[np.int64] | None = None
        self.numbered: dict[str | int, int] = {}
        """The integer of every id, where the ids are strings."""
        self.refuse(
            (i for i, row in enumerate(rows) if not isinstance(row, dict)), "that is not a JSON object", "correct it"
        )

    def __len__(self) -> int:
        return len(self.rows)

    def label(self, i: int) -> str:
        """Name of row ``i`` in messages: by its place in another format, its id if ids are known, or its position."""
        if place := self._place(i):
            return place[0]
        return f"{self.singular} {self.ids[i]}" if self.ids is not None else f"{self.singular} number {i + 1}"

    def where(self, i: int) -> str:
        """The file."""
        place = self._place(i)
        return str(place[1] if place else self.path)

    def _place(self, i: int) -> tuple[str, Path] | None:
        """The place of row ``i`` in the file of another format."""
        row: Any = self.rows[i]
        return row.get(Extra.PLACE) if isinstance(row, dict) else None

    def identify(self) -> npt.NDArray[np.int64]:
        """Read the column ``id``, which must be unique; later messages use it.

        Where all ids are strings they get integers: their own value if all are numbers, else 1, 2, … in order.

        Raises:
            InputError: Missing, neither all integers nor all strings, or not unique.
        """
        if self.rows and all(type(row.get("id")) is str for row in self.rows):
            ids = self._number_strings([row["id"] for row in self.rows])
        else:
            ids = self.integers("id")
        _, first, counts = np.unique(ids, return_index=True, return_counts=True)
        later = np.setdiff1d(np.arange(len(ids)), first)
        if len(later):
            repeated = int((counts > 1).sum())
            raise InputError(
                f"{repeated} {self.singular} id{'s are' if repeated > 1 else ' is'} used more than once; "
                f"the first: {self.singular} id {ids[later[0]]}",
                where=str(self.path),
                fix="give every entry a unique id",
            )
        self.ids = ids
        return ids

    def _number_strings(self, column: list[str]) -> npt.NDArray[np.int64]:
        values = [int(v) if v.isdecimal() and len(v) <= 18 else -1 for v in column]
        if min(values) < 0 or len(set(values)) < len(set(column)):
            place = {v: i for i, v in enumerate(dict.fromkeys(column), start=1)}
            values = [place[v] for v in column]
        self.numbered = dict(zip(column, values, strict=True))
        return np.array(values, dtype=np.int64)

    def integers(
        self,
        key: str,
        default: int | None = None,
        *,
        flags: bool = False,
        numbered: Mapping[str | int, int] | None = None,
    ) -> npt.NDArray[np.int64]:
        """A column of integers >= 0; rows without the key (or with ``null``) get ``default`` if it is given.

        ``3.0`` counts as 3, as some exporters write it; ``True``, ``"3"``, 3.5 and integers over 64 bits are errors.

        Args:
            key: Name of the column.
            default: See above.
            flags: Whether ``true`` and ``false`` count as 1 and 0.
            numbered: The integers of ids that are strings; others are unknown, -1.

        Raises:
            InputError: Missing or invalid values.
        """
        if numbered:
            return np.array([numbered.get(str(row.get(key)), -1) for row in self.rows], dtype=np.int64)
        column = self._column(key, (int, float, bool) if flags else (int, float), "an integer", default)
        self.refuse(
            (i for i, v in enumerate(column) if not (0 <= v < 2**63 and v == int(v))),
            f"where '{key}' is not an integer from 0 to 2^63 - 1",
            f"write '{key}' as such an integer",
            lambda i: f"{key} {_abbreviated(column[i])}",
        )
        return np.array([int(v) for v in column], dtype=np.int64)

    def numbers(self, key: str, default: float | None = None) -> npt.NDArray[np.float64]:
        """A column of finite numbers; rows without the key (or with ``null``) get ``default``.

        Raises:
            InputError: See `integers`.
        """
        column = np.array(self._column(key, (int, float), "a number", default), dtype=np.float64)
        self.refuse(
            np.flatnonzero(np.isinf(column) | (np.isnan(column) if default is None else False)).tolist(),
            f"where '{key}' is not finite",
            "write a number",
        )
        return column

    def strings(self, key: str, values: list[Any] | None = None) -> list[str]:
        """A column of non-empty strings.

        Args:
            key: Name of the column.
            values: The column, if it is not the value of ``key`` in each row.

        Raises:
            InputError: Missing or invalid values.
        """
        column = self._column(key, (str,), "a string", None, values)
        self.refuse((i for i, v in enumerate(column) if not v), f"where '{key}' is empty", f"write the {key}")
        return column

    def boxes(self, key: str, values: list[Any] | None = None) -> npt.NDArray[np.float64]:
        """A column of four finite numbers, ``(rows, 4)``.

        Args:
            key: Name of the column.
            values: The column, if it is not the value of ``key`` in each row.

        Raises:
            InputError: Missing or invalid values.
        """
        column = self._column(key, (list,), "a list of four numbers", None, values)
        number = (int, float)
        self.refuse(
            (i for i, box in enumerate(column) if len(box) != 4 or not all(type(v) in number for v in box)),
            f"where '{key}' is not four numbers",
            f"write {key} as [x, y, width, height] in pixels, without quotation marks",
            lambda i: f"{key} {_abbreviated(column[i])}",
        )
        boxes = np.array(column, dtype=np.float64).reshape(-1, 4)
        self.refuse(
            np.flatnonzero(~np.isfinite(boxes).all(axis=1)).tolist(),
            f"where '{key}' is not finite",
            "write finite numbers",
            lambda i: f"{key} {_abbreviated(column[i])}",
        )
        return boxes

    def _column(
        self, key: str, kinds: tuple[type, ...], called: str, default: Any, values: list[Any] | None = None
    ) -> list[Any]:
        """Values of ``key``, each exactly of one of ``kinds`` (``bool`` does not count as ``int``)."""
        column = [row.get(key) for row in self.rows] if values is None else values
        if default is not None:
            column = [default if value is None else value for value in column]
        self.refuse(
            (i for i, value in enumerate(column) if type(value) not in kinds),
            f"where '{key}' is not {called}",
            f"write '{key}' as {called}" + (" without quotation marks" if str not in kinds else ""),
            lambda i: f"{key} {_abbreviated(column[i])}",
        )
        return column


def _abbreviated(value: Any) -> str:
    """A value for messages: ``missing``, or at most 60 characters."""
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
