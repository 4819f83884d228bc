"""Weights and checkpoints: of a slim model, through ``model.init=`` and through what resumes and opens a run."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, Given, Mutant, Outcome
from benchmarks.fuzzing.mutations import EXTREMES, mutate
from benchmarks.fuzzing.trees import deepened, mutate_tree

SLIM: dict[str, Any] = {
    "backbone": "resnet18",
    "width": 0.03125,
    "fpn_channels": 8,
    "head": "1conv1fc",
    "head_dim": 8,
    "embedding_dim": 8,
}
MARKER = "code-of-the-file-has-run"
"""Folder that a pickle of `hostile_pickles` would make."""


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@lru_cache
def hostile_pickles() -> tuple[bytes, ...]:
    """Pickles that would run code or make a folder beside the file; each is refused before it does."""
    calls = (Call(os.mkdir, MARKER), Call(os.system, f"mkdir {MARKER}"), Call(eval, "1"), Call(exec, "import os"))
    return tuple(
        pickle.dumps(value, protocol)
        for call in calls
        for value in (call, {"state_dict": call}, {"model": {"conv1.weight": call}})
        for protocol in (0, 2, 4)
    )


def _encoder(init: str = "none") -> Any:
    from codo.models.encoder import Encoder, ModelSettings

    return Encoder(ModelSettings(**SLIM, init=init))


def _small_state() -> dict[str, Any]:
    """Only what is needed to be recognized: files stay small, and changes hit."""
    import torch

    torch.manual_seed(0)
    return {name: tensor for name, tensor in _encoder().state_dict().items() if name.startswith("backbone.")}


def safetensors_seeds(folder: Path) -> None:
    from safetensors.torch import save_file

    save_file(_small_state(), folder / "plain.safetensors")
    save_file(_small_state(), folder / "named.safetensors", {"format": "pt", "codo": '{"mean": [0.5, 0.5, 0.5]}'})


def safetensors(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    data = rng.choice(seeds)
    length = int.from_bytes(data[:8], "little")
    what = rng.random()
    if what < 0.3:
        return Mutant(mutate(rng, data, seeds))
    if what < 0.4:
        return Mutant(struct.pack("<Q", rng.choice((*EXTREMES, length - 1, length + 1)) % 2**64) + data[8:])
    header = data[8 : 8 + length]
    if what < 0.5:
        header = mutate(rng, header, [header])
    else:
        tree = mutate_tree(rng, _narrowed(rng, json.loads(header)), values)
        header = deepened(rng, json.dumps(tree)).encode("utf-8", "replace")
    return Mutant(struct.pack("<Q", len(header)) + header + data[8 + length :])


def _narrowed(rng: Random, tree: dict[str, Any]) -> dict[str, Any]:
    """The same, first the entries that changes shall hit: one is as good as a hundred."""
    return tree


def torch_seeds(folder: Path) -> None:
    import torch

    state = _small_state()
    torch.save(state, folder / "plain.pth")
    torch.save(
        {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 3}, folder / "ddp.pth"
    )
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    for protocol in (2, 4):
        (folder / f"arrays-{protocol}.pth").write_bytes(pickle.dumps({"model": arrays}, protocol))


def torch_file(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere; records of the zip changed, with right checksums; pickles that would run code."""
    data = rng.choice(seeds)
    what = rng.random()
    if what < 0.1:
        hostile = rng.choice(hostile_pickles())
        return Mutant(
            _with_records(data, {"data.pkl": hostile}) if rng.random() < 0.6 and data[:2] == b"PK" else hostile
        )
    if what < 0.4 or data[:2] != b"PK":
        return Mutant(mutate(rng, data, seeds) if rng.random() < 0.5 else _in_pickle(rng, data, seeds))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        name = next(one for one in names if one.endswith("data.pkl")) if rng.random() < 0.8 else rng.choice(names)
        record = archive.read(name)
    changed = mutate(rng, record, [record]) if rng.random() < 0.5 else _in_pickle(rng, record, [record])
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.05 else zipfile.ZIP_STORED
    if rng.random() < 0.01:
        name, changed, method = f"{names[0].partition('/')[0]}/data/0", bytes(10**8), zipfile.ZIP_DEFLATED
    return Mutant(_with_records(data, {name: changed}, method))


def _in_pickle(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Numbers, names and opcodes changed in the first kilobytes, where the pickle is."""
    end = min(len(data), 6000)
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = min(rng.randrange(max(end - 4, 1)), max(len(changed) - 1, 0))
        what = rng.randrange(4)
        if what == 0 and at < len(changed):
            changed[at] = rng.choice(
                b"K M J \x8a \x8b c R b . ( ) } ] \x85 \x86 \x87 h q Q \x81 \x93 t N".split(b" ")[rng.randrange(20)]
                or b"."
            )
        elif what == 1:
            width = rng.choice((1, 2, 4))
            changed[at : at + width] = (rng.choice(EXTREMES) % 256**width).to_bytes(width, "little")
        elif what == 2:
            length = rng.choice((1, 2, 5, 20))
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at : at + rng.choice((1, 2, 5, 20))]
    return bytes(changed)


def _with_records(data: bytes, records: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file with some records replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            end = next((one for one in records if name.endswith(one)), None)
            new.writestr(name, old.read(name) if end is None else records[end])
    return file.getvalue()


def read_weights(one: Given, folder: Path) -> Outcome:
    """``model.init=FILE``: an encoder with these weights."""
    encoder = _encoder(str(one.path))
    if not all(bool(tensor.isfinite().all()) for tensor in encoder.state_dict().values()):
        return Outcome(FAILURE, "weights that are not finite")
    return _without_marker(one)


def _without_marker(one: Given) -> Outcome:
    if Path(MARKER).exists():
        return Outcome(FAILURE, "code: of the file has run")
    return Outcome(ACCEPTED)


def checkpoint_seeds(folder: Path) -> None:
    """A run of two steps with its checkpoint."""
    import codo

    images = folder / "images"
    codo.prepare(_drawn(images), folder / "catalog", jobs=1, progress=False, min_side=1)
    run = codo.pretrain(**run_settings(folder))
    shutil.copyfile(run.checkpoints()[-1], folder / "last.pt")


def _drawn(folder: Path) -> Path:
    from PIL import Image

    from benchmarks.fuzzing.images import pixels

    folder.mkdir()
    for number in range(8):
        Image.fromarray(pixels()).rotate(45 * number).save(folder / f"{number}.png")
    return folder


def run_settings(folder: Path) -> dict[str, Any]:
    """Keyword arguments of `codo.pretrain`."""
    return {
        "foregrounds": str(folder / "catalog"),
        "backgrounds": [str(folder / "catalog")],
        "out": str(folder / "run"),
        "device": "cpu",
        "workers": 0,
        "canvas": 64,
        "batch_size": 4,
        "steps": 2,
        "model": SLIM,
        "contrast": {"queue": 16, "bn_groups": 2},
        "optim": {"lr": 0.05},
        "probe": None,
        "log.quiet": True,
    }


def read_checkpoint(one: Given, folder: Path) -> Outcome:
    """Put it into a run, then do what resuming does before the first step, and what opens a run for export."""
    import torch

    from codo.core.run import Run
    from codo.training.distributed import DistributedContext
    from codo.training.load_run import load_method
    from codo.training.session import find_saved

    original, seeds = folder.parent / "run", one.seeds
    if not original.exists():
        shutil.copytree(seeds / "run", original, ignore=shutil.ignore_patterns("*.html", ".lock"))
    settings, resume = _resuming(str(seeds), str(original))
    for file in Run(original).checkpoints():
        file.unlink()
    shutil.copyfile(one.path, original / "checkpoints" / "step-00000002.pt")
    saved = find_saved(settings, DistributedContext(0, 1, torch.device("cpu")))
    if saved.state is not None:
        resume(saved)
    method, _, _ = load_method(original, lambda message: None)
    with torch.no_grad():
        method.exports()
    return _without_marker(one)


@lru_cache
def _resuming(seeds: str, original: str) -> tuple[Any, Any]:
    """The settings of the run, and a function that takes up its state as `codo pretrain` does."""
    import torch

    from codo.core.config import resolve
    from codo.core.run import Run
    from codo.optim.optimizer import build_optimizer
    from codo.training.distributed import DistributedContext
    from codo.training.pretrain import build
    from codo.training.pretrain_settings import PretrainSettings
    from codo.training.pretrain_task import prepare_pretrain_task
    from codo.training.session import Saved, Session

    run = Path(seeds) / "run"
    recorded = Run(run).config | {"out": original}
    settings = resolve(PretrainSettings, None, recorded)
    context = DistributedContext(0, 1, torch.device("cpu"))
    task = prepare_pretrain_task(settings, 1)

    def resume(saved: Saved) -> None:
        _, method = build(task, context)
        session = Session(settings, saved, Run(Path(original)), None, context, 2)  # type: ignore[arg-type]  # no log here
        session.learner(
            method, lambda it: build_optimizer(it, settings.optim, context.device, it.constant_lr_modules())
        )

    return settings, resume
