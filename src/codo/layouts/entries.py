"""Entries of annotation files, and error messages about invalid ones.

Every error names the first invalid entry and says how many there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.core.errors import InputError
from codo.geometry.rotation import as_degrees, turned_extents

OVERSHOOT = 2.0
"""Pixels by which a box may exceed the image, because of 1-based corners or rounding; it is clipped for training."""


class Entries(ABC):
    """Entries of one kind, accessed by index.

    Args:
        singular: Name of one entry in messages.
    """

    def __init__(self, singular: str) -> None:
        self.singular = singular

    @abstractmethod
    def label(self, i: int) -> str:
        """Name of entry ``i`` in messages."""

    @abstractmethod
    def where(self, i: int) -> str:
        """The file of entry ``i``."""

    def refuse(self, invalid: Iterable[int], what: str, fix: str, detail: Callable[[int], str] | None = None) -> None:
        """Raise if there are invalid entries; the message has the first one with ``detail``, and how many there are.

        Raises:
            InputError: There is at least one invalid entry.
        """
        rows = list(invalid)
        if rows:
            raise InputError(self.describe(rows, what, detail), where=self.where(rows[0]), fix=fix)

    def describe(self, invalid: Sequence[int], what: str, detail: Callable[[int], str] | None = None) -> str:
        """``3 annotations that …; the first: annotation 17 (bbox [1, 2, 3])``."""
        plural = {"category": "categories"}.get(self.singular, f"{self.singular}s")
        count = f"1 {self.singular}" if len(invalid) == 1 else f"{len(invalid)} {plural}"
        more = f" ({detail(invalid[0])})" if detail else ""
        first = self.label(invalid[0]) + more
        return f"{count} {what}: {first}" if len(invalid) == 1 else f"{count} {what}; the first: {first}"

    def check_boxes(
        self, bbox: npt.NDArray[np.float64], sizes: npt.NDArray[np.int32], box_text: Callable[[int], str], fix: str
    ) -> str:
        """Refuse invalid boxes.

        COCO itself has boxes of zero height, and boxes that exceed the image by rounding: these are accepted. A box far
        outside means that images and annotations do not belong together.

        Args:
            bbox: x, y, width, height of every entry in pixels, ``(n, 4)``.
            sizes: Height and width of its image in pixels, ``(n, 2)``.
            box_text: Text of a box for messages, as in its file.
            fix: How to write boxes correctly.

        Returns:
            A warning about boxes without area, or an empty string.

        Raises:
            InputError: Boxes of negative size, or far outside their images.
        """
        self.refuse(
            np.flatnonzero((bbox[:, 2:] < 0).any(axis=1)).tolist(), "with a box of negative size", fix, box_text
        )
        x, y, w, h = bbox.T
        height, width = sizes.T
        outside = np.maximum.reduce([-x, -y, x + w - width, y + h - height]) > OVERSHOOT
        self.refuse(
            np.flatnonzero(outside).tolist(),
            f"with a box that reaches more than {OVERSHOOT:g} pixels out of its image",
            fix,
            lambda i: f"{box_text(i)} in {width[i]} x {height[i]}",
        )
        flat = np.flatnonzero((bbox[:, 2:] == 0).any(axis=1)).tolist()
        return (
            f"{self.where(flat[0])}: {self.describe(flat, 'with a box of zero size', box_text)}; not trained on"
            if flat
            else ""
        )

    def turned_boxes(
        self, bbox: npt.NDArray[np.float64], sizes: npt.NDArray[np.int32], angles: Mapping[int, Any], where: str
    ) -> tuple[npt.NDArray[np.float64], str]:
        """Boxes around rectangles that are rotated about their centers, and a note, empty where none is.

        Args:
            bbox: x, y, width, height before rotation in pixels, ``(n, 4)``.
            sizes: Height and width of the image of every entry, ``(n, 2)``.
            angles: Entry -> rotation in degrees as the file has it, a number or a text.
            where: What was read, for the note.

        Raises:
            InputError: A rotation is not a finite number.
        """
        degrees = {i: as_degrees(angle) for i, angle in angles.items()}
        self.refuse(
            (i for i, angle in degrees.items() if not np.isfinite(angle)),
            "whose rotation is not a number",
            "write the attribute 'rotation' in degrees, or leave it out",
            lambda i: f"rotation {angles[i]}",
        )
        rows = [i for i, angle in degrees.items() if angle % 360]
        if not rows:
            return bbox, ""
        turned = bbox.copy()
        turned[rows] = turned_extents(bbox[rows], sizes[rows], np.array([degrees[i] for i in rows]))
        return turned, f"{where}: {len(rows)} rectangles have a rotation; their boxes are the extents after it"


class FileEntries(Entries):
    """Entries of many files.

    Args:
        singular: Name of one entry in messages.
        files: The file of each entry.
        numbers: The number of each entry in its file, from 1; empty if the entries are the files themselves.
    """

    def __init__(self, singular: str, files: Sequence[Path], numbers: Sequence[int] = ()) -> None:
        super().__init__(singular)
        self.files, self.numbers = files, numbers

    def label(self, i: int) -> str:
        """``line 3 of 000012.txt``."""
        name = self.files[i].name
        return f"{self.singular} {self.numbers[i]} of {name}" if len(self.numbers) else name

    def where(self, i: int) -> str:
        """The file."""
        return str(self.files[i])
