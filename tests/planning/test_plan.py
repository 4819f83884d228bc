"""A plan by hand from made-up costs, and what it says of settings that will not work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import codo
from codo.core.errors import InputError
from codo.planning.costs import UnitCosts, unit_costs
from codo.planning.estimate import Estimate
from codo.planning.flop_counter import Operations, Step
from codo.planning.plan import PlanSettings, estimate, plan
from tests.training.tiny import MODEL

ROUND = {
    "gpu_flops": 1e13,
    "gpu_flops_fp32": 2e12,
    "gpu_bandwidth": 1e11,
    "gpu_memory": 2**32,
    "efficiency": 0.5,
    "link_bandwidth": 1e6,
    "network_bandwidth": 1e5,
    "pasted_1": 0.01,
    "pasted_2": 0.015,
    "pasted_4": 0.025,
    "foreground_bytes": 3000,
    "background_bytes": 1000,
    "original_bytes": 1e5,
    "proposals": 3.6,
    "saliency": 7.2,
}

KEYS = 4 * 10 * 8 * 4
"""Bytes of the keys of a GPU in `planned`: 4 levels x 10 samples x 8 numbers."""


def made_up() -> UnitCosts:
    shipped = {name: cost.model_dump() for name, cost in unit_costs()}
    return UnitCosts.model_validate(
        {name: {**cost, "value": ROUND.get(name, cost["value"])} for name, cost in shipped.items()}
    )


def planned(gpus: int = 1, **changes: Any) -> Estimate:
    """One GPU's share is 10 samples: 1e12 operations and 1e9 bytes, 0.1 s, which are 0.2 s at half of the roofline."""
    operations = Operations()
    operations.each = [(1e12, 1e9)]
    step = Step(10, 2, operations, 1000, 2**30, 2**30, 4, True, KEYS)
    values = {"backgrounds": ["-"], "batch_size": 10 * gpus, "epochs": 2, "images": 1000, "gpus": gpus, **changes}
    settings = PlanSettings.model_validate(
        {"model": {"embedding_dim": 8}, "contrast": {"bn_groups": 2}, "canvas": 32, **values}
    )
    return estimate(settings, ("given", "by hand"), step, made_up())


def value(of: Estimate, topic: str, what: str) -> float:
    return of.line(topic, what).value


def test_the_loader_may_be_the_bottleneck() -> None:
    """50 samples a second need 0.75 cores at 15 ms a sample; 2,000 samples."""
    assert value(planned(loader_cores=2), "loader", "hours") == pytest.approx(2000 / 50 / 3600)
    assert "keeps up" in planned(loader_cores=2).line("loader", "hours").how
    slow = planned(gpus=4, nodes=1, loader_cores=1)
    rate, core = value(slow, "time", "samples/s"), value(slow, "loader", "core time") / 1000
    assert rate * core > 1
    assert value(slow, "loader", "hours") == pytest.approx(2000 * core / 3600)
    assert "bottleneck" in slow.line("loader", "hours").how
    assert value(slow, "loader", "GPU-hours") == pytest.approx(4 * value(slow, "loader", "hours"))
    assert not any(line.topic == "loader" and line.what == "hours" for line in planned().lines)


def test_one_gpu_by_hand() -> None:
    one = planned()
    assert value(one, "run", "steps") == 200
    assert value(one, "step", "roofline") == pytest.approx(0.1e6 / 10)
    assert value(one, "time", "step") == pytest.approx(200)
    assert value(one, "time", "samples/s") == pytest.approx(50)
    assert value(one, "time", "hours") == pytest.approx(200 * 0.2 / 3600)
    assert value(one, "network", "gradients") == value(one, "network", "keys") == 0
    assert value(one, "memory", "floor") == pytest.approx(2)
    assert value(one, "loader", "cores") == pytest.approx(50 * 0.015)
    assert value(one, "loader", "reads") == pytest.approx(50 * (3000 + 2 * 1000) / 1e9)
    assert value(one, "storage", "images") == pytest.approx(0.003)
    assert value(one, "storage", "backgrounds") == pytest.approx(0.001)
    assert value(one, "prepare", "proposals") == pytest.approx(1)


def test_saliency_is_a_cost_of_the_run_not_of_a_sample() -> None:
    dilo, pasted = planned(method="dilo"), planned()
    assert value(dilo, "prepare", "saliency") == pytest.approx(2)  # 1,000 images
    assert value(dilo, "loader", "core time") == value(pasted, "loader", "core time")
    assert not any(line.what == "saliency" for line in pasted.lines)
    assert not any(line.what == "proposals" for line in dilo.lines)


def test_two_gpus_wait_for_the_network() -> None:
    two = planned(2)
    keys = 1 / 2 * 4 * 4 * 20 * 8  # bytes: half of 4 levels x 20 samples x 8 numbers, at 1e6 a second
    assert value(two, "network", "keys") * 1e6 == pytest.approx(keys)
    assert value(two, "network", "gradients") * 1e6 == pytest.approx(4000)  # 4 ms: less than the backward pass
    assert value(two, "time", "step") == pytest.approx(200 + 1e3 * keys / 1e6)
    # The query view of one sample and the key view of another: two foregrounds are decoded.
    rate = 20 / (0.2 + keys / 1e6)
    assert value(two, "loader", "cores") == pytest.approx(rate * 2 * 0.01)
    assert value(two, "loader", "reads") == pytest.approx(rate * (2 * 3000 + 2 * 1000) / 1e9)


def test_keys_with_a_gradient_cross_the_network_three_times() -> None:
    both = planned(2), planned(2, contrast={"bn_groups": 2, "negatives": "batch", "keys": "end_to_end"})
    once, thrice = (value(one, "network", "keys") for one in both)
    assert once * 1e6 == pytest.approx(KEYS)
    assert thrice == pytest.approx(3 * once)


def test_gradients_that_do_not_fit_behind_the_backward_pass_are_waited_for() -> None:
    apart = planned(2, nodes=2, contrast={"bn_groups": 2, "queue": 16})
    gradients, keys = 4000 / 1e5, 1280 / 1e5  # seconds, by the slower network between nodes
    behind = 2 / 3 * 0.2
    assert gradients < behind
    assert value(apart, "time", "step") == pytest.approx(1e3 * (0.2 + keys))
    slow = ROUND["network_bandwidth"] / 4
    known = made_up().model_copy(
        update={"network_bandwidth": made_up().network_bandwidth.model_copy(update={"value": slow})}
    )
    operations = Operations()
    operations.each = [(1e12, 1e9)]
    step = Step(10, 2, operations, 1000, 2**30, 2**30, 4, True, KEYS)
    settings = PlanSettings.model_validate(
        {
            "backgrounds": ["-"],
            "batch_size": 20,
            "epochs": 2,
            "images": 1000,
            "gpus": 2,
            "nodes": 2,
            "model": {"embedding_dim": 8},
        }
    )
    slower = estimate(settings, ("given", "by hand"), step, known)
    assert value(slower, "time", "step") == pytest.approx(1e3 * (0.2 / 3 + 4000 / slow + 1280 / slow))


def test_float32_has_a_rate_of_its_own() -> None:
    """1e12 operations at 2e12 a second take 0.5 s: longer than to move 1e9 bytes."""
    half, single = planned(), planned(precision="fp32")
    assert value(single, "step", "roofline") == pytest.approx(5 * value(half, "step", "roofline"))
    assert value(single, "time", "step") == pytest.approx(1000)
    assert single.line("step", "roofline").how.endswith("in float32")
    assert half.line("step", "roofline").how.endswith("in bfloat16")
    assert [any("rate is that of TF32" in warning for warning in one.warnings) for one in (half, single)] == [
        False,
        True,
    ]
    assert planned(precision="auto").lines == planned(precision="bf16").lines == half.lines


def test_settings_that_contradict_the_name_of_the_method_are_told() -> None:
    assert any("method=codo_m with views=2" in warning for warning in planned(method="codo_m").warnings)
    assert not any("codo_m" in warning for warning in planned(method="codo_m", views=4).warnings)


def test_a_line_is_as_certain_as_its_weakest_part() -> None:
    one = planned()
    assert one.line("time", "hours").kind == "target"
    assert one.line("prepare", "proposals").kind == "measured"
    assert one.line("network", "keys").kind == "calculated"


def test_too_much_memory_is_warned_about() -> None:
    assert not any("does not fit" in warning for warning in planned().warnings)
    small = made_up().gpu_memory.model_copy(update={"value": 2.0**31})
    operations = Operations()
    operations.each = [(1e12, 1e9)]
    step = Step(10, 2, operations, 1000, 2**30, 2**30, 4, True, KEYS)
    settings = PlanSettings.model_validate({"backgrounds": ["-"], "batch_size": 10, "steps": 1, "images": 100})
    warnings = estimate(
        settings, ("given", "by hand"), step, made_up().model_copy(update={"gpu_memory": small})
    ).warnings
    assert any("does not fit" in warning for warning in warnings)


def test_from_a_recipe_and_a_catalog(catalog: Path) -> None:
    found = codo.plan("laptop", model=MODEL, foregrounds=str(catalog), backgrounds=[str(catalog)], batch_size=8, gpus=2)
    assert found.line("run", "images") == ("run", "images", 24, "", "calculated", "of the catalog")
    assert found.line("run", "steps").value == 4000
    assert any("launching them takes longer" in warning for warning in found.warnings)
    assert not any("no catalog" in warning for warning in found.warnings)
    text = found.text()
    assert len({line.index("  calculated  ") for line in text.splitlines() if "  calculated  " in line}) == 1
    assert "measured" in text
    assert "not measured" in text


def test_images_that_are_not_there_are_not_those_of_imagenet(tmp_path: Path) -> None:
    given = {"model": MODEL, "foregrounds": str(tmp_path / "mine"), "batch_size": 2}
    (warning,) = (warning for warning in codo.plan("laptop", **given).warnings if "no catalog" in warning)
    assert str(tmp_path / "mine") in warning
    assert "1,281,167 images (ImageNet" in warning
    assert not any("no catalog" in warning for warning in codo.plan("laptop", images=9, **given).warnings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpus": 3}, "batch_size 64 does not divide over 3 GPUs"),
        ({"gpus": 4, "nodes": 3}, "4 GPUs do not divide over 3 nodes"),
        ({"gpus": 4, "contrast.bn_groups": 6}, "does not divide"),
        ({"gpus": 64}, "one sample"),
        ({"gpu": 8}, "unknown setting 'gpu'"),
        ({"steps": None, "epochs": None}, "the length of the run is missing"),
        ({"images": 63}, "batch_size=64 is larger than the 63 images"),
        (
            {"steps": 10, "model": {"init": "imagenet", "width": 1.0, "freeze": ["backbone"], "unfreeze_at": 10}},
            "the run has 10 steps: its frozen parts would never be trained",
        ),
    ],
)
def test_wrong_settings(given: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"model": MODEL, "images": 1000, **given}
    with pytest.raises(InputError, match=message):
        plan("laptop", **values)
