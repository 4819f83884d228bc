"""Bytes that cross the process group in a training step, counted, beside the formulas of `codo.planning.traffic`.

    python -m benchmarks.traffic

A step of CoDo (tiny networks, canvas of 64) on 2 and 4 ranks of one machine, the loop's own DistributedDataParallel
around it. Every collective is seen where torch hands it to the process group, whoever asks for it, so that nothing
goes past the count. (On logged steps the loop adds a few numbers: the means of what is logged, and whether to stop.)

What is counted is what goes *into* a collective on one rank. On the wire there is more: by the ring algorithms a rank
sends 2 (n - 1) / n times what goes into an all-reduce of n ranks, and n - 1 times what goes into an all-gather.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.command import run
from benchmarks.row import Check, Row, Spread
from benchmarks.steps import TINY, Size, method, views
from codo.models.encoder import LEVELS
from codo.planning import traffic
from codo.training.distributed import DistributedContext
from codo.training.trainer import distribute

WORLDS = (2, 4)
SENT = {"allreduce_": lambda n: 2 * (n - 1) / n, "_allgather_base_": lambda n: n - 1}
"""Collective -> how often a rank sends what goes into it, by the ring algorithms."""


class Collectives(TorchDispatchMode):
    """Remembers the collectives that run inside of it: (name, bytes that go in)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Run an operator, and remember it if it is a collective."""
        if func.namespace == "c10d":
            name = func.overloadpacket.__name__
            going_in = args[1] if name == "_allgather_base_" else args[0]
            tensors = [one for one in tree_leaves(going_in) if isinstance(one, torch.Tensor)]
            # Not integers: which parameters had no gradient, on CPUs with more than two ranks (`trainer.distribute`).
            tensors = [one for one in tensors if one.is_floating_point()]
            self.seen.append((name, sum(one.numel() * one.element_size() for one in tensors)))
        return func(*args, **(kwargs or {}))


def rows(options: argparse.Namespace) -> Iterator[Row]:
    for world in WORLDS:
        size = Size(8, 3).tiny()
        counted = count(world, size)
        parameters = sum(p.numel() for p in method(size, torch.device("cpu")).query.parameters())
        for name, what, formula in (
            ("allreduce_", "gradients", traffic.gradients(parameters, world)),
            ("_allgather_base_", "keys", traffic.keys(size.batch, size.views, len(LEVELS), TINY.embedding_dim, world)),
        ):
            sent = SENT[name](world) * sum(size for kind, size in counted if kind == name)
            yield Row(
                "traffic",
                f"{what}, {world} ranks",
                "bytes sent a rank and step",
                Spread.of([float(sent)]),
                checks=(Check(f"the formula says {formula:,.0f}", sent == formula),),
            )
        others = [f"{kind} of {size} bytes" for kind, size in counted if kind not in SENT]
        told = "; ".join(others) or "no other collective"
        yield Row(
            "traffic", f"all else, images too, {world} ranks", "calls", Spread.of([len(others)]), most=0, note=told
        )


def count(world: int, size: Size) -> list[tuple[str, int]]:
    """The collectives of rank 0 in its third step: after the first DistributedDataParallel orders its buckets anew."""
    with tempfile.TemporaryDirectory() as scratch:
        children = [pid for rank in range(world) if (pid := _start(rank, world, size, Path(scratch)))]
        failed = [pid for pid in children if os.waitpid(pid, 0)[1]]
        if failed:
            raise SystemExit(f"{len(failed)} of {world} ranks failed")
        seen = json.loads((Path(scratch) / "seen.json").read_text(encoding="utf-8"))
    return [(name, number) for name, number in seen]


def _start(rank: int, world: int, size: Size, scratch: Path) -> int:
    """A forked process that does the steps of a rank: what is imported need not be imported again."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        _rank(rank, world, size, scratch)
        code = 0
    finally:
        os._exit(code)


def _rank(rank: int, world: int, size: Size, scratch: Path) -> None:
    torch.set_num_threads(1)
    device = torch.device("cpu")
    dist.init_process_group("gloo", f"file://{scratch}/store", rank=rank, world_size=world)
    whole = views(size, device)
    share = slice(rank * size.batch // world, (rank + 1) * size.batch // world)
    batch = whole._replace(
        query_images=whole.query_images[share],
        query_boxes=whole.query_boxes[share],
        key_images=whole.key_images[:, share],
        key_boxes=whole.key_boxes[:, share],
    )
    module = distribute(method(size, device, world), DistributedContext(rank, world, device))
    for _ in range(3):
        with Collectives() as collectives:
            module(batch).loss.backward()
            module.module.on_step_end()
        module.zero_grad()
    if rank == 0:
        (scratch / "seen.json").write_text(json.dumps(collectives.seen), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    run(__doc__, rows)
