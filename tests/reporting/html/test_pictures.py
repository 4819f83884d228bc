import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from codo.catalog.catalog import open_catalog
from codo.reporting.html.pictures import data_uri, proposal_card, spread


def decoded(uri: str) -> tuple[np.ndarray, int]:
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    return simplejpeg.decode_jpeg(data), len(data)


def test_a_picture_keeps_colors_and_shape() -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[:, :200, 0] = 255  # left half red, right half blue
    image[:, 200:, 2] = 255
    shown, _ = decoded(data_uri(image, longest=200))
    assert shown.shape == (50, 200, 3)
    assert shown[25, 40].tolist() == pytest.approx([255, 0, 0], abs=8)
    assert shown[25, 160].tolist() == pytest.approx([0, 0, 255], abs=8)


def test_small_pictures_are_not_enlarged_and_slim_ones_keep_a_pixel() -> None:
    assert decoded(data_uri(np.zeros((8, 16, 3), np.uint8)))[0].shape == (8, 16, 3)
    assert decoded(data_uri(np.zeros((1, 5000, 3), np.uint8), longest=100))[0].shape == (1, 100, 3)


def test_noisy_pictures_are_kept_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3)).astype(np.uint8)
    assert decoded(data_uri(noise))[1] <= 40_000


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_spread_is_even(total: int, wanted: int) -> None:
    chosen = spread(total, wanted)
    assert len(chosen) == min(total, wanted)
    assert chosen == sorted(set(chosen))
    assert all(0 <= i < total for i in chosen)
    gaps = np.diff([-1 - (chosen[0] if chosen else 0), *chosen, 2 * total - (chosen[-1] if chosen else 0)])
    assert gaps.max() - gaps.min() <= 2


def test_leaving_out_proposals_keeps_an_even_share(make_catalog: Callable[..., Path]) -> None:
    boxes = [v for k in range(64) for v in (k, 0, k + 2, 5)]
    catalog = open_catalog(make_catalog("c", ["a", "b"], [(70, 40)] * 2, [boxes, [0, 0, 9, 9]]))
    shown = [shape.box[0] for shape in proposal_card(catalog, 0, least=0.75).pictures[0].shapes]
    assert 14 <= len(shown) <= 18
    assert np.diff([0, *shown, 64]).max() <= 8
    assert len(proposal_card(catalog, 0).pictures[0].shapes) == 64
    assert len(proposal_card(catalog, 1, least=0.75).pictures[0].shapes) == 1  # the first always stays
