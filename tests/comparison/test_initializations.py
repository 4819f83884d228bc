from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.comparison.compare_settings import CompareSettings
from codo.comparison.grid import make_grid
from codo.comparison.initializations import Initialization, check_unchanged, format_parts
from codo.comparison.trials import Trial
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from codo.training import checkpoint


@pytest.fixture
def starts(protocol: dict[str, Any], tmp_path: Path) -> Any:
    """Opens initializations."""

    def open_(*inits: str) -> dict[str, Initialization]:
        settings = resolve(CompareSettings, None, {**protocol, "inits": list(inits), "out": str(tmp_path / "out")})
        return make_grid(settings, {}).initializations

    return open_


def test_every_method_says_which_parts_it_fills(starts: Any, place: Path, tmp_path: Path) -> None:
    trunk = codo.export(str(place / "run"), to="safetensors", out=tmp_path / "trunk.safetensors")
    found = starts("none", f"codo={place / 'run'}", f"moco={place / 'image'}", f"file={trunk}")
    assert {init: format_parts(start.parts) for init, start in found.items()} == {
        "none": "nothing",
        "codo": "backbone, FPN, box head",
        "moco": "backbone",
        "file": "backbone, FPN, box head",
    }
    codo_, moco, file = ([*found[init].weights.values()] for init in ("codo", "moco", "file"))
    assert codo_ == file  # the same tensors, whatever brings them
    assert codo_ != moco
    assert found["none"].weights == {"none": ""}
    assert starts(f"codo={place / 'run'}")["codo"] == found["codo"]


def test_own_parts_of_an_initialization_reach_the_detector(
    protocol: dict[str, Any], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a step that hardly moves, each part is the pretrained one or that of random weights."""
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    run = str(place / "run")
    inits = {"none": "none", "whole": run, "some": {"weights": run, "parts": ["backbone", "box_head"]}}
    short = {"fractions": [1], "seeds": [0], "steps": 1, "optim": {"lr": 1e-9, "lr_scaling": "none"}}
    found = codo.compare(**{**protocol, **short, "inits": inits, "norm": "batch"}, out=str(tmp_path / "out"))
    assert [found.initializations[init].parts for init in inits] == [
        (),
        ("backbone", "fpn", "box_head"),
        ("backbone", "box_head"),
    ]
    states = {trial.init: checkpoint.load(Run(trial.path).checkpoints()[-1])["method"] for trial in found.trials}
    for part, source, other in (
        ("detector.backbone.body.", "whole", "none"),
        ("detector.backbone.fpn.", "none", "whole"),
        ("detector.roi_heads.box_head.", "whole", "none"),
    ):
        names = [
            n for n in states["none"] if n.startswith(part) and n.endswith("weight") and states["none"][n].ndim > 1
        ]
        assert names
        assert all(torch.allclose(states["some"][name], states[source][name], atol=1e-6) for name in names)
        assert not any(torch.allclose(states["some"][name], states[other][name], atol=1e-3) for name in names)


def test_one_source_for_each_seed(starts: Any, place: Path, tmp_path: Path) -> None:
    for seed, run in enumerate(("run", "run")):
        (tmp_path / f"codo-{seed}").symlink_to(place / run)
    found = starts(f"codo={tmp_path}/codo-{{seed}}")["codo"]
    assert list(found.weights) == [f"{tmp_path}/codo-0", f"{tmp_path}/codo-1"]
    (tmp_path / "codo-1").unlink()
    (tmp_path / "codo-1").symlink_to(place / "image")
    with pytest.raises(InputError, match="fill different parts: backbone, FPN, box head, but backbone from"):
        starts(f"codo={tmp_path}/codo-{{seed}}")


def test_a_run_that_is_still_being_trained_is_refused(starts: Any, place: Path) -> None:
    code = f"from codo.core.run import Run; from pathlib import Path; run = Run(Path({str(place / 'run')!r})); "
    code += "run.lock(); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="the run is still being trained") as error:
            starts(f"codo={place / 'run'}")
        assert "for codo of inits=" in error.value.where
        holder.stdin.write(b"\n")
    assert starts(f"codo={place / 'run'}")


@pytest.mark.parametrize(
    ("init", "what", "fix"),
    [
        ("imagnet", "no such weight file", "did you mean 'imagenet'"),
        ("best=nowhere.pth", "no such weight file", "existing file"),
    ],
)
def test_errors_name_the_initialization(starts: Any, init: str, what: str, fix: str) -> None:
    with pytest.raises(InputError, match=what) as error:
        starts("none", init)
    assert fix in error.value.fix
    assert f"for {init.partition('=')[0]} of inits=" in error.value.where


def test_weights_must_be_those_that_trials_started_from() -> None:
    def trial(source: str) -> Trial:
        values = {"data": "d", "out": "o", "weights": source}
        return Trial("codo", 1.0, 0, 8, FinetuneSettings.model_validate(values))

    before = {"codo": Initialization(("backbone",), {"/a": "1", "/b": "2"})}
    check_unchanged(before, before, [trial("/a"), trial("/b")])
    after = {"codo": Initialization(("backbone",), {"/a": "1", "/b": "3"}), "new": Initialization((), {"none": ""})}
    check_unchanged(after, before, [trial("/a")])  # nothing has begun from /b
    check_unchanged(after, {}, [trial("/b")])  # a comparison that remembers nothing
    with pytest.raises(InputError, match="changed since trials were started from them; the first: codo, 100%") as error:
        check_unchanged(after, before, [trial("/a"), trial("/b")])
    assert error.value.where == "/b"
