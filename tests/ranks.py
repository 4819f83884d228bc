"""A function on two ranks: two processes of one thread each that talk through gloo."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import torch
from torch import distributed, multiprocessing


def on_two_ranks(function: Callable[..., None], *arguments: Any) -> None:
    """Call ``function(rank, *arguments)`` in two processes of one group; it must be importable, and raises here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_rank, (port, function, arguments), nprocs=2)


def _rank(rank: int, port: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    function(rank, *arguments)
    distributed.destroy_process_group()
