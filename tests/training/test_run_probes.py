"""The probes of a run: who asks, what is asked, and that nothing is changed by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import codo
from codo.core.config import resolve
from codo.methods.image_level import box_means
from codo.methods.registry import build_method
from codo.models.load_report import LoadReport
from codo.probes.feature_health import part_stats
from codo.probes.features import EMBEDDINGS, features_and_embeddings, part_features
from codo.probes.labeled import LabeledProbes
from codo.training.pretrain_settings import PretrainSettings
from codo.training.pretrain_task import PretrainTask, prepare_pretrain_task
from codo.training.run_probes import RunProbes, invariance_probe, loaded_parts
from tests.training import tiny

CPU = torch.device("cpu")


def task_of(catalog: Path, **changes: Any) -> PretrainTask:
    settings = {**tiny.settings(catalog, Path("run"), canvas=32), **changes}
    return prepare_pretrain_task(
        resolve(PretrainSettings, None, {name: value for name, value in settings.items() if value is not None})
    )


def test_scores_are_those_of_the_frozen_method_and_draw_nothing(catalog: Path) -> None:
    task = task_of(catalog)
    method = build_method("codo", task.setup())
    before = {name: value.clone() for name, value in method.state_dict().items()}
    random = torch.get_rng_state()
    ask = RunProbes(method, CPU, LabeledProbes(()), invariance_probe(task))
    found = ask(3)
    features = {f"features/{p}/{s}" for p in ("backbone", "fpn", "box_head") for s in ("rank", "dead", "std")}
    assert found.keys() == {"invariance", "invariance_chance"} | features
    assert 0 <= found["invariance"] <= 1
    assert ask(4) == found  # of the same weights, whatever the step
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ["codo", "moco_v2", "simclr", "soco"])
def test_one_pass_gives_what_two_would(name: str, compiled: bool, catalog: Path) -> None:
    """Embeddings and features of parts, bit for bit, for methods with a pyramid and without."""
    task = task_of(catalog, method=name, **({} if name == "codo" else {"backgrounds": None}))
    torch.manual_seed(0)
    method = build_method(name, task.setup()).eval()
    probe, parts = invariance_probe(task), method.exports()
    assert probe is not None
    if compiled:
        for module in method.compilable():
            module.compile(backend="eager")
        probe.featurize(lambda images, boxes: {EMBEDDINGS: method.embed_boxes(images, boxes)})
    passes: list[int] = []
    hook = parts["backbone"].register_forward_hook(lambda *_: passes.append(1))
    found = RunProbes(method, CPU, LabeledProbes(()), probe)(3)
    hook.remove()
    assert len(passes) * 64 < len(probe.boxes.flatten(0, 2)) + 64
    assert not any(part._forward_hooks for part in parts.values())
    embeddings = probe.featurize(lambda images, boxes: {EMBEDDINGS: method.embed_boxes(images, boxes)})[EMBEDDINGS]
    assert found["invariance"] == probe.score(embeddings)
    features = probe.featurize(part_features(parts, CPU, method.normalization))
    assert part_stats(features).items() <= found.items()


@pytest.mark.parametrize("way", ["no pass", "backbone alone", "two passes"])
def test_methods_that_embed_in_other_ways_have_the_same_features(way: str, catalog: Path) -> None:
    task = task_of(catalog)
    torch.manual_seed(0)
    method = build_method("codo", task.setup()).eval()
    probe, parts = invariance_probe(task), method.exports()
    assert probe is not None

    def embed(images: Tensor, boxes: Tensor) -> Tensor:
        if way == "no pass":
            return boxes
        if way == "backbone alone":
            return box_means(parts["backbone"](method.pixels(images))[-1], boxes)
        return torch.cat([method.embed_boxes(images[half::2], boxes[half::2]) for half in (0, 1)])

    expected = probe.featurize(part_features(parts, CPU, method.normalization))
    found = probe.featurize(features_and_embeddings(parts, CPU, method.normalization, embed))
    assert found.keys() == expected.keys() | {EMBEDDINGS}
    assert all(torch.equal(found[part], expected[part]) for part in expected)


def test_an_untrained_network_is_asked_with_statistics_of_the_canvases(catalog: Path) -> None:
    task = task_of(catalog)
    torch.manual_seed(0)
    method = build_method("codo", task.setup())
    before = {name: value.clone() for name, value in method.state_dict().items()}
    random = torch.get_rng_state()
    ask = RunProbes(method, CPU, LabeledProbes(()), invariance_probe(task))
    assert loaded_parts(method) == ()
    anew, stored = ask(0), ask(1)
    assert anew["features/box_head/std"] != stored["features/box_head/std"]
    # A layer right behind BatchNorm has mean 0: features of the pyramid point in all directions, not in one.
    assert anew["features/fpn/std"] > 0.8 > stored["features/fpn/std"]
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_loaded_parts_keep_their_statistics(catalog: Path) -> None:
    """As with model.init=FILE that has a backbone only: its features are those of its own statistics."""
    task = task_of(catalog)
    torch.manual_seed(0)
    method = build_method("codo", task.setup())
    trunk = dict(method.exports()["backbone"].state_dict())
    method.load_report = LoadReport(
        tuple(f"backbone.{n}" for n in trunk), ("fpn.x",), (), {}, {"backbone": "backbone."}
    )
    ask = RunProbes(method, CPU, LabeledProbes(()), invariance_probe(task))
    assert loaded_parts(method) == ("backbone",)
    first, later = ask(0), ask(1)
    for name in ("rank", "dead", "std"):
        assert first[f"features/backbone/{name}"] == later[f"features/backbone/{name}"]
    assert first["features/fpn/std"] != later["features/fpn/std"]


def test_other_ranks_only_agree_on_what_is_due(catalog: Path) -> None:
    method = build_method("codo", task_of(catalog).setup())
    assert RunProbes(method, CPU, None, None)(3) == {}


def test_all_methods_are_asked_on_the_same_views(catalog: Path) -> None:
    """Whatever a run pastes: settings of its own, other backgrounds, or nothing."""
    plain = invariance_probe(task_of(catalog))
    jittered = invariance_probe(task_of(catalog, cpj={"jitter": 0.0}, augment={"blur": 0.0}))
    nothing = invariance_probe(task_of(catalog, method="simclr", backgrounds=None))
    assert plain is not None
    assert jittered is not None
    assert nothing is not None
    seen: list[list[torch.Tensor]] = []
    for probe in (plain, jittered, nothing):
        images: list[torch.Tensor] = []

        def look(canvases: Tensor, boxes: Tensor, images: list[Tensor] = images) -> dict[str, Tensor]:
            images.append(canvases)
            return {EMBEDDINGS: boxes}

        probe.featurize(look)
        seen.append(images)
    assert len(seen[0]) > 0
    for others in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(seen[0], others, strict=True))


@pytest.mark.parametrize("why", ["no proposals", "no probe"])
def test_there_is_no_invariance_without_proposals_or_wish(
    why: str, photos: Path, catalog: Path, tmp_path: Path
) -> None:
    if why == "no proposals":
        codo.prepare(photos, tmp_path / "bare", propose=False, jobs=1)
        task = task_of(tmp_path / "bare", method="simclr", backgrounds=None)
    else:
        task = task_of(catalog, probe=None)
        task = prepare_pretrain_task(task.settings.model_copy(update={"probe": None}))
    assert invariance_probe(task) is None
