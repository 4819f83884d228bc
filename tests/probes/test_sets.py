from __future__ import annotations

import numpy as np
import pytest
import torch

from codo.core.errors import InputError
from codo.probes.sets import Part, ProbeSet, balanced_accuracy, common_classes, draw


def test_every_class_counts_the_same() -> None:
    labels = torch.tensor([0] * 8 + [1] * 2)
    assert balanced_accuracy(torch.zeros(10, dtype=torch.int64), labels) == 0.5
    assert balanced_accuracy(torch.tensor([0] * 6 + [1] * 4), labels) == pytest.approx((6 / 8 + 1) / 2)


def test_draw_takes_the_classes_in_turn() -> None:
    labels = np.array([0] * 50 + [1] * 5 + [2] * 2)
    chosen = draw(labels, 9, stream=0)
    assert np.bincount(labels[chosen]).tolist() == [4, 3, 2]
    assert np.array_equal(chosen, np.sort(chosen))
    assert np.array_equal(chosen, draw(labels, 9, stream=0))
    assert not np.array_equal(chosen, draw(labels, 9, stream=1))
    assert set(draw(labels, 3, stream=0)) <= set(chosen)  # a smaller draw lies within a larger one
    assert len(draw(labels, 1000, stream=0)) == 57


def test_a_probe_needs_two_classes_on_both_sides() -> None:
    assert common_classes(np.array([0, 1, 2]), np.array([2, 1]), ["a", "b", "c"], where="x") == [1, 2]
    with pytest.raises(InputError, match=r"there is 1 \(b\)"):
        common_classes(np.array([0, 1]), np.array([1, 2]), ["a", "b", "c"], where="x")


def test_data_of_a_single_class_are_refused_with_what_measures_them() -> None:
    with pytest.raises(InputError) as error:
        common_classes(np.array([0, 0]), np.array([0]), ["cell"], where="cells")
    assert error.value.what == "a probe tells classes apart, and these data have only one (cell)"
    assert "codo compare" in error.value.fix


def test_scores_know_what_features_know_and_do_not_depend_on_the_batch() -> None:
    generator = torch.Generator().manual_seed(0)

    def part(count: int) -> Part:
        labels = torch.arange(count) % 4
        images = torch.randint(0, 40, (count, 8, 8, 3), dtype=torch.uint8, generator=generator)
        return Part(images + (50 * labels).to(torch.uint8).view(-1, 1, 1, 1), torch.zeros(count, 4), labels)

    probe = ProbeSet("roi", part(40), part(30), "abcd")

    def brightness(images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        mean = images.float().mean(dim=(1, 2, 3)) / 200
        return torch.stack([mean, 1 - mean], dim=1)

    def nothing(images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(images), 2)

    found = probe.scores(brightness)
    assert found == probe.scores(brightness, batch=7)
    assert found["roi/chance"] == 0.25
    assert found["roi/knn"] > 0.9
    assert probe.scores(nothing)["roi/knn"] == 0.25
    assert probe.scores(nothing)["roi/linear"] == 0.25


def test_rare_classes_make_scores_uncertain() -> None:
    """Predictions that are right by chance, in 30 of 100 cases: their scores vary as the effective count says."""
    rng = np.random.default_rng(0)

    def probe(*counts: int) -> ProbeSet:
        labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        part = Part(torch.zeros(len(labels), 1, 1, 3, dtype=torch.uint8), torch.zeros(len(labels), 4), labels)
        return ProbeSet("roi", part, part, "abcde")

    assert probe(20, 20, 20).effective_count == pytest.approx(60)
    rare = probe(1, 2, 50, 70, 77)
    assert rare.effective_count == pytest.approx(25 / (1 + 1 / 2 + 1 / 50 + 1 / 70 + 1 / 77))  # 16 of 200
    right = torch.from_numpy(rng.random((4000, 200)) < 0.3)
    labels = rare.val.labels
    scores = [balanced_accuracy(torch.where(one, labels, labels + 1), labels) for one in right]
    assert np.std(scores) == pytest.approx(np.sqrt(0.3 * 0.7 / rare.effective_count), rel=0.05)


def test_scores_of_parts_stand_apart_and_the_main_one_keeps_its_name() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 4
    noise = torch.randint(0, 40, (40, 8, 8, 3), dtype=torch.uint8, generator=generator)
    part = Part(noise + (50 * labels).to(torch.uint8).view(-1, 1, 1, 1), torch.zeros(40, 4), labels)
    probe = ProbeSet("roi", part, part, "abcd")

    def parts(images: torch.Tensor, boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        mean = images.float().mean(dim=(1, 2, 3)) / 200
        return {"backbone": torch.ones(len(images), 2), "box_head": torch.stack([mean, 1 - mean], dim=1)}

    found = probe.part_scores(parts, "box_head")
    readers = ("knn", "linear")
    expected = {f"roi/{part}{name}" for part in ("", "backbone/", "box_head/") for name in readers} | {"roi/chance"}
    assert found.keys() == expected
    for name in readers:
        assert found[f"roi/{name}"] == found[f"roi/box_head/{name}"] > 0.9
        assert found[f"roi/backbone/{name}"] == 0.25
    assert {name: found[name] for name in ("roi/knn", "roi/linear", "roi/chance")} == probe.scores(
        lambda images, boxes: parts(images, boxes)["box_head"]
    )
