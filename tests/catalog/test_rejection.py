"""Reasons of rejected files, from what reading them raises."""

from __future__ import annotations

import errno
import pickle

import pytest

from codo.catalog.rejection import InvalidImage, named_damage
from codo.rasters.tiff_errors import DamagedTiff, UnreadableTiff


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (UnreadableTiff("a TIFF with lerc"), "unreadable: a TIFF with lerc"),
        (DamagedTiff("odd\nbytes"), "corrupt: odd bytes"),
        (DamagedTiff("truncated: it ends"), "truncated: the file ends before the image does"),
        (OSError(errno.EIO, "Input/output error"), "unreadable: Input/output error"),
        (InvalidImage("too large: 9 x 9"), "too large: 9 x 9"),
    ],
)
def test_reasons(fault: Exception, reason: str) -> None:
    with pytest.raises(InvalidImage) as caught, named_damage():
        raise fault
    assert caught.value.reason == reason


def test_faults_of_the_program_are_no_rejections() -> None:
    with pytest.raises(ZeroDivisionError), named_damage():
        1 / 0  # noqa: B018


def test_between_processes() -> None:
    sent = pickle.loads(pickle.dumps(InvalidImage("empty: zero bytes", is_image=False)))
    assert (sent.reason, sent.is_image) == ("empty: zero bytes", False)
