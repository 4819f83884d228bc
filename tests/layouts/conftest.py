"""The data sets of the tests of annotations."""

from __future__ import annotations

from tests.annotations.conftest import answer, refuses, right, spoil
from tests.annotations.voc.conftest import devkit
from tests.annotations.yolo.conftest import refuses_lines, yolo

__all__ = ["answer", "devkit", "refuses", "refuses_lines", "right", "spoil", "yolo"]
