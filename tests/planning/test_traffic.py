"""Bytes by hand; `tests/benchmarks/test_traffic.py` counts them in a step."""

from __future__ import annotations

import pytest

from codo.planning import traffic


def test_gradients_of_a_ring() -> None:
    # 10 parameters, 40 bytes, in 4 shares of 10: each GPU sends 3 shares on to be summed and 3 sums on to be known.
    assert traffic.gradients(10, gpus=4) == 60
    assert traffic.gradients(10, gpus=1) == 0


def test_an_all_gather_sends_what_is_own_to_all_others() -> None:
    assert traffic.all_gather(10, gpus=4) == 30
    assert traffic.all_gather(10, gpus=1) == 0


def test_keys_of_an_all_gather() -> None:
    # 2 key views of 4 levels of 8 samples of 2 numbers of 4 bytes are 512 bytes; all but its own quarter come to a GPU.
    assert traffic.keys(batch=8, views=3, levels=4, dim=2, gpus=4) == 384
    assert traffic.keys(batch=8, views=3, levels=4, dim=2, gpus=1) == 0


@pytest.mark.parametrize(
    ("gpus", "batch", "images", "keys", "gradients"), [(8, 1024, 270e6, 2.1e6, None), (64, 8192, 2.4e9, 16.8e6, 332e6)]
)
def test_the_sizes_of_performance_section_5(
    gpus: int, batch: int, images: float, keys: float, gradients: float | None
) -> None:
    assert traffic.images(batch, 2, 224, gpus) == pytest.approx(images, rel=0.02)
    assert traffic.keys(batch, 2, 4, 128, gpus) * gpus / (gpus - 1) == pytest.approx(keys, rel=0.01)
    if gradients:
        assert traffic.gradients(42_200_000, gpus) == pytest.approx(gradients, rel=0.01)
