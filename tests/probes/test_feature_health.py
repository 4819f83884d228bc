from __future__ import annotations

import pytest
import torch

from codo.probes.feature_health import feature_stats, part_stats


def test_by_hand() -> None:
    # Two directions of equal weight about the mean, one unit that is always 0, one that is constant.
    features = torch.tensor([[1.0, 0, 0, 5], [-1, 0, 0, 5], [0, 1, 0, 5], [0, -1, 0, 5]])
    found = feature_stats(features)
    assert found["rank"] == pytest.approx(2, abs=1e-3)
    assert found["dead"] == 0.5
    # Unit vectors: 1/sqrt(26) in one of two axes, the rest common; so the variances add up to 1/26.
    assert found["std"] == pytest.approx((1 / 26) ** 0.5)


def test_the_ends_of_the_scales() -> None:
    point = feature_stats(torch.full((6, 3), 2.0))
    assert (point["rank"], point["dead"], point["std"]) == (1, 1, pytest.approx(0, abs=1e-9))
    corners = torch.cat([torch.eye(3), -torch.eye(3)])
    everywhere = feature_stats(corners)
    assert everywhere["rank"] == pytest.approx(3, abs=1e-3)
    assert everywhere["dead"] == 0
    assert everywhere["std"] == pytest.approx(1)
    assert feature_stats(1000 * corners)["rank"] == pytest.approx(3, abs=1e-3)  # of the shape, not of the size


def test_names_say_the_part() -> None:
    found = part_stats({"backbone": torch.eye(4), "fpn": torch.ones(4, 2)})
    assert found.keys() == {
        f"features/{part}/{name}" for part in ("backbone", "fpn") for name in ("rank", "dead", "std")
    }
    assert found["features/fpn/dead"] == 1
    assert found["features/backbone/dead"] == 0
