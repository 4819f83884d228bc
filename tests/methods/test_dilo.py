"""DiLo is MoCo's loss on other views."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import codo
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import CodoError, InputError
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool
from codo.loading.sampler import StepPlan
from codo.methods.base import Setup
from codo.methods.dilo import DiLo, DiLoOptions
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings
from tests.methods.crops import MODEL, B, S


def inputs(catalog: Path, augment: AugmentSettings | None = None, **options: Any) -> DatasetInputs:
    images = codo.open_catalog(catalog)
    pool, own = Pool([images], [None]), DiLoOptions.model_validate(options)
    return DatasetInputs(images, pool, pool, S, 2, CPJSettings(), augment or AugmentSettings(), own, 0)


def test_the_loss_is_info_nce_on_pasted_views(catalog: Path) -> None:
    dataset = DiLo.dataset(inputs(catalog, pasted=1.0))
    order = torch.randperm(B, generator=torch.Generator().manual_seed(0)).numpy()
    batch = dataset.batch(StepPlan(0, 0, torch.arange(B).numpy(), order, order))
    torch.manual_seed(0)
    settings = ContrastSettings(queue=16, bn_groups=2, temperature=0.2)
    method = DiLo(Setup(MODEL, settings, DiLoOptions(), batch_size=B)).train()
    with torch.no_grad():
        queries = method.query(method.pixels(batch.query_images), groups=2)[0]
        keys = method.key(method.pixels(batch.key_images[0]), groups=2)[0][torch.argsort(batch.shuffle)]
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), queries @ method.queue.keys[0].T], dim=1) / 0.2
    expected = F.cross_entropy(logits, torch.zeros(B, dtype=torch.int64))
    assert method(batch).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_pools_of_query_and_key_are_kept_apart(catalog: Path) -> None:
    given = inputs(catalog)
    query, key = (Pool(given.catalogs(), [None]) for _ in range(2))
    dataset = DiLo.dataset(replace(given, query=query, key=key))
    assert dataset.query is query
    assert dataset.key is key
    for missing in ({"query": None}, {"key": None}):
        with pytest.raises(InputError, match="the backgrounds are missing"):
            DiLo.dataset(replace(given, **missing))


def test_colors_on_the_device_are_refused(catalog: Path) -> None:
    with pytest.raises(InputError, match="only supports color augmentation in the loader"):
        DiLo.dataset(inputs(catalog, AugmentSettings(device="device")))


def test_saliency_is_computed_once_a_run(catalog: Path, tmp_path: Path) -> None:
    method = DiLo(Setup(MODEL, ContrastSettings(queue=16, bn_groups=2), DiLoOptions(), batch_size=B))
    dataset = DiLo.dataset(inputs(catalog, pasted=1.0))
    told = method.prepare_data(dataset, tmp_path, 0)
    assert re.fullmatch(
        r"saliency of 24 images in [\d.]+ s \([\d.]+ ms of a core each\): \d+ of 24 have an object", told
    )
    again = DiLo.dataset(inputs(catalog, pasted=1.0))
    assert method.prepare_data(again, tmp_path, 12) == ""  # a resumed run, another rank
    assert again.stored is not None
    assert len(again.stored) == 24
    with pytest.raises(CodoError, match="of other images, or of another"):
        method.prepare_data(DiLo.dataset(inputs(catalog, foreground=(0.2, 0.5))), tmp_path, 12)
