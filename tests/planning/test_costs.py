"""What is shipped says where it comes from; in between, straight lines."""

from __future__ import annotations

from datetime import date

import pytest

from codo.planning.costs import UnitCosts, unit_costs


def test_no_number_of_a_gpu_claims_to_be_measured() -> None:
    gpu = "gpu_flops", "gpu_flops_fp32", "gpu_bandwidth", "gpu_memory"
    for name in (*gpu, "efficiency", "link_bandwidth", "network_bandwidth"):
        assert getattr(unit_costs(), name).kind in ("read", "target")


def test_measured_times_name_their_command() -> None:
    for name in ("pasted_1", "pasted_2", "pasted_4", "crop_1", "crop_2"):
        assert "python -m benchmarks." in getattr(unit_costs(), name).source


def test_straight_lines_through_what_was_measured() -> None:
    values = {"pasted_1": 2.0, "pasted_2": 3.0, "pasted_4": 6.0, "crop_1": 1.0, "crop_2": 1.5}
    shipped = {name: cost.model_dump() for name, cost in unit_costs()}
    known = UnitCosts.model_validate({**shipped, **{name: {**shipped[name], "value": v} for name, v in values.items()}})
    assert [known.pasted(n) for n in (1, 2, 3, 4, 5)] == [2, 3, 4.5, 6, 7.5]
    assert [known.crops(n) for n in (1, 2, 8)] == [1, 1.5, 4.5]


@pytest.mark.parametrize("name", UnitCosts.model_fields)
def test_sources_are_dated(name: str) -> None:
    assert getattr(unit_costs(), name).date >= date(2026, 1, 1)
