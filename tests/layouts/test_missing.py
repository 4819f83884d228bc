"""What is said about images that are not there."""

from __future__ import annotations

import pytest

from codo.core.errors import InputError
from codo.layouts.missing import missing_note


def test_how_many_were_left_out() -> None:
    assert missing_note("data", [], 3) == ""
    assert missing_note("data", ["a"], 3) == "data: 1 of 3 images are not there and were left out (data.missing=skip)"


def test_all_of_them_is_an_error() -> None:
    with pytest.raises(InputError, match="none of 2 images is there; the first: a"):
        missing_note("data", ["a", "b"], 2)
