"""Preparing, packing and training on images in a real S3 server: as on local files; and what it is asked for."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import codo
from codo.catalog.catalog import Catalog
from codo.core.errors import CodoError
from codo.core.run import Run, open_run
from codo.loading.loader import StartMethod, build_loader
from codo.views.lazy_image import Image
from tests.catalog.pictures import jpegs, write_folder
from tests.object_store import Fault, Store, impatient
from tests.preparation.catalogs import files
from tests.sources.listings import write_tar
from tests.training.tiny import assert_same_state, command, environment, final_state, settings, timeless

PICTURES = jpegs(12, width=120, height=100)
SHARDS = ("000", "001")


@pytest.fixture
def shards(tmp_path: Path) -> dict[str, bytes]:
    """Two tars with six pictures each."""
    names = sorted(PICTURES)
    halves = names[:6], names[6:]
    return {
        f"{shard}.tar": write_tar(tmp_path / f"{shard}.tar", {name: PICTURES[name] for name in half}).read_bytes()
        for shard, half in zip(SHARDS, halves, strict=True)
    }


@pytest.mark.usefixtures("one_thread")
def test_training_from_shards_is_that_on_local_files(s3: Store, shards: dict[str, bytes], tmp_path: Path) -> None:
    """By two loader processes that are forked after this process has used its client."""
    codo.prepare(f"{s3.put(shards, 'shards')}/{{000..001}}.tar", tmp_path / "remote", jobs=1)
    codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1)
    s3.forget()
    runs = []
    for name in ("remote", "local"):
        values = settings(tmp_path / name, tmp_path / f"run-{name}", workers=2, steps=3, cache="off", probe=None)
        runs.append(codo.pretrain(**values))
    there, here = (timeless(run.metrics()) for run in runs)
    assert len(there) == 3
    assert there == here
    reads = s3.gets(".tar")
    assert len(reads) >= 3 * 8  # a foreground for each sample at least
    assert all(one.span is not None and 0 < one.sent <= 64 * 1024 for one in reads)


@pytest.mark.usefixtures("one_thread")
def test_a_store_that_fails_in_the_middle_of_a_run(
    s3: Store, shards: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends, and keeps its last checkpoint; once the store answers again, it resumes to the same bits."""
    impatient(monkeypatch, seconds=20)
    codo.prepare(f"{s3.put(shards, 'shards')}/{{000..001}}.tar", tmp_path / "catalog", jobs=1)
    values = {"workers": 0, "steps": 12, "checkpoint_every": 3, "cache": "off", "probe": None, "log.every": 1}
    s3.forget()
    whole = codo.pretrain(**settings(tmp_path / "catalog", tmp_path / "whole", **values))
    half = len(s3.gets(".tar")) // 2
    s3.faults += [Fault("before", times=half, key=".tar"), Fault("slow down", times=1000)]
    with pytest.raises(CodoError, match=r"image '\d{3}\.jpg' cannot be read: ") as caught:
        codo.pretrain(**settings(tmp_path / "catalog", tmp_path / "run", **values))
    assert caught.value.where.startswith(f"{s3.url}/shards/")
    assert caught.value.fix == "run the same command again once it can be reached"
    assert open_run(tmp_path / "run").checkpoints()[-1].name == "step-00000006.pt"
    s3.faults.clear()
    again = codo.pretrain(**settings(tmp_path / "catalog", tmp_path / "run", **values))
    assert_same_state(final_state(again.path), final_state(whole.path))
    assert timeless(again.metrics()) == timeless(whole.metrics())


def test_a_catalog_packed_from_a_store_needs_it_no_more(s3: Store, tmp_path: Path) -> None:
    codo.prepare(s3.put(PICTURES, "photos"), tmp_path / "remote", jobs=2, pack=64, propose=False)
    codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, pack=64, propose=False)
    there, here = files(tmp_path / "remote"), files(tmp_path / "local")
    assert there["shard-00000.tar"] == here["shard-00000.tar"]
    s3.forget()
    assert len({codo.open_catalog(tmp_path / "remote").image(i).tobytes() for i in range(12)}) == 12
    assert not s3.requests


def test_a_packed_catalog_in_a_store_is_read_there(s3: Store, tmp_path: Path) -> None:
    codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, pack=64, propose=False)
    local = codo.open_catalog(tmp_path / "local")
    remote = codo.open_catalog(s3.put(files(tmp_path / "local"), "catalog"))
    s3.forget()
    assert all(np.array_equal(remote.image(i), local.image(i)) for i in range(12))
    assert len(s3.requests) == 12


def test_a_packed_catalog_is_copied_by_reading_each_object_once(s3: Store, tmp_path: Path) -> None:
    """From begin to end, which is how all epochs together read a store sequentially; it may lie anywhere."""
    codo.prepare(write_folder(tmp_path / "photos", PICTURES), tmp_path / "local", jobs=1, pack=64, propose=False)
    place = s3.put(files(tmp_path / "local"), "catalog")
    s3.forget()
    s3.fs.get(place, str(tmp_path / "copy"), recursive=True)
    reads = s3.gets()
    assert sorted(one.key.rpartition("/")[2] for one in reads) == sorted(files(tmp_path / "local"))
    assert all(one.span is None or one.span[0] == 0 for one in reads)
    copy, local = codo.open_catalog(tmp_path / "copy"), codo.open_catalog(tmp_path / "local")
    assert all(np.array_equal(copy.image(i), local.image(i)) for i in range(12))


class Pictures(Dataset[Image]):
    """The images of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __getitem__(self, i: int) -> Image:
        return self.catalog.image(i)


@pytest.mark.parametrize(("start_method", "workers"), [("fork", 2), ("spawn", 1)])
def test_workers_have_clients_of_their_own(s3: Store, tmp_path: Path, start_method: StartMethod, workers: int) -> None:
    """This process has used its client, whose thread no fork has, and goes on to use it beside them."""
    codo.prepare(s3.put(PICTURES, "photos"), tmp_path / "catalog", jobs=1, propose=False)
    catalog = codo.open_catalog(tmp_path / "catalog")
    right = [catalog.image(i) for i in range(12)]
    s3.faults.append(Fault("slow down", times=3))
    loader = build_loader(
        Pictures(catalog), range(12), workers=workers, device=torch.device("cpu"), start_method=start_method
    )
    for i, image in enumerate(loader):
        assert np.array_equal(image, right[i])
        assert np.array_equal(catalog.image(i), right[i])


MIRRORED: dict[str, Any] = {"steps": 14, "log.every": 2, "probe": None}


@pytest.fixture(scope="module")
def whole(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run without a mirror that nothing interrupts."""
    return codo.pretrain(**settings(catalog, tmp_path_factory.mktemp("whole") / "run", **MIRRORED))


def start(arguments: dict[str, Any]) -> subprocess.Popen[str]:
    """A run as a process of its own, with what it says kept."""
    return subprocess.Popen(command(arguments), env=environment(), stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("one_thread")
def test_killed_and_resumed_elsewhere_from_the_mirror(s3: Store, catalog: Path, whole: Run, tmp_path: Path) -> None:
    """Killed while it copies its second checkpoint, which never arrives; the machine and its disk are gone."""
    values = MIRRORED | {"mirror": f"{s3.url}/run"}
    process = start(settings(catalog, tmp_path / "first", **values))
    s3.faults.append(Fault("before", method="PUT", key="step-"))
    s3.faults.append(Fault("hang", method="PUT", key="step-", action=process.kill))
    _, told = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, told
    newest = max(name for name in s3.names("run") if "step-" in name)
    shutil.rmtree(tmp_path / "first")

    there = codo.pretrain(**settings(catalog, tmp_path / "second", **values))
    assert f"resumed from step {int(newest[-11:-3])}, which {s3.url}/run had" in (there.path / "train.log").read_text()
    assert_same_state(final_state(there.path), final_state(whole.path))
    assert timeless(there.metrics()) == timeless(whole.metrics())
    for name in ("checkpoints/step-00000014.pt", "report.html", "metrics.jsonl", "train.log", "config.yaml"):
        assert s3.fs.cat_file(f"{s3.url}/run/{name}") == (there.path / name).read_bytes()


def test_sigterm_copies_the_checkpoint_that_it_saves(s3: Store, catalog: Path, tmp_path: Path) -> None:
    long = {"steps": 100_000, "mirror": f"{s3.url}/run", "log.every": 100, "probe": None}
    process = start(settings(catalog, tmp_path / "run", **long))
    s3.faults.append(Fault("before", method="PUT", key="step-", action=process.terminate))
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143, told
    saved = open_run(tmp_path / "run").checkpoints()
    assert [name for name in s3.names("run") if "step-" in name] == [f"checkpoints/{path.name}" for path in saved]
