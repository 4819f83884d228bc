"""What is left of colors after each remedy."""

from __future__ import annotations

import numpy as np

from codo.pretext.aberration import drop_channels, project_colors, shift_channels
from tests.pretext.pictures import noise

PATCHES = np.stack(noise(12, 16, 16))


def test_one_channel_of_each_patch_is_kept() -> None:
    found = drop_channels(PATCHES, np.random.default_rng(0))
    same = (found == PATCHES).all(axis=(1, 2))  # (n, 3)
    assert same.sum(axis=1).tolist() == [1] * 12
    assert same.any(axis=0).all()  # each channel is kept somewhere
    for patch, kept in zip(found, same, strict=True):
        dropped = patch[..., ~kept].astype(float)
        assert abs(dropped.mean() - 128) < 0.5
        assert dropped.std() < 2  # a hundredth of noise with a deviation of 74, and rounding
    assert not np.array_equal(found, drop_channels(PATCHES, np.random.default_rng(1)))


def test_projected_colors_have_no_green_minus_magenta() -> None:
    muted = 64 + PATCHES // 2  # nothing is cut off
    left = project_colors(muted).astype(float) @ np.array([-1, 2, -1])
    assert np.abs(left).max() <= 2  # rounding
    gray = np.repeat(PATCHES[..., :1], 3, axis=3)
    assert np.array_equal(project_colors(gray), gray)
    blue_and_yellow = muted.copy()
    blue_and_yellow[..., 1] = (muted[..., 0].astype(int) + muted[..., 2]) // 2
    assert np.abs(project_colors(blue_and_yellow).astype(int) - blue_and_yellow).max() <= 1


def test_channels_are_shifted_by_themselves() -> None:
    found = shift_channels(PATCHES, 2, np.random.default_rng(0))
    seen = set()
    for patch, moved in zip(PATCHES, found, strict=True):
        for channel in range(3):
            fits = [
                (down, right)
                for down in range(-2, 3)
                for right in range(-2, 3)
                if np.array_equal(
                    moved[2:-2, 2:-2, channel], patch[2 + down : 14 + down, 2 + right : 14 + right, channel]
                )
            ]
            assert len(fits) == 1
            seen.add(fits[0])
    assert len(seen) > 10


def test_no_reach_changes_nothing() -> None:
    assert np.array_equal(shift_channels(PATCHES, 0, np.random.default_rng(0)), PATCHES)
