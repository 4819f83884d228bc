"""Noroozi and Favaro's sizes, and the order of the patches."""

from __future__ import annotations

import numpy as np
import pytest

from codo.pretext.jigsaw import Jigsaw, JigsawOptions
from codo.pretext.permutations import distant_permutations


def test_the_publication_s_sizes() -> None:
    options = JigsawOptions()
    assert (options.patch, options.cell, options.jitter) == (64, 75, 5)
    assert (options.permutations, options.normalize, options.channel_jitter, options.colors) == (100, True, 2, "keep")


def test_classes_are_the_permutations() -> None:
    assert np.array_equal(Jigsaw.arrangements(JigsawOptions(permutations=20)), distant_permutations(20))
    with pytest.raises(ValueError, match="less than or equal to 1000"):
        JigsawOptions(permutations=1001)
