"""The data sets of the tests of annotations."""

from __future__ import annotations

from tests.annotations.conftest import answer, refuses, right, spoil

__all__ = ["answer", "refuses", "right", "spoil"]
