"""What the machine can do, and what its containers and other users leave to this process: cores and memory.

* ``cpu``: cores that may be used, quotas of containers included; threads that wait without spinning for long.
* ``cgroups``: Linux's control groups, from which both come.
* ``memory``: the peak of this process, and what is available to it.
* ``contention``: whether other processes hold the cores.
* ``precision``: bfloat16, and whether the processor multiplies in it.
* ``compiler``: whether torch.compile works; a forward pass that it compiles with constant weights.
* ``allocator``: freed memory that is kept for the next step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.machine.cpu import usable_cores as usable_cores
    from codo.machine.memory import available_memory as available_memory
    from codo.machine.memory import peak_memory_mib as peak_memory_mib
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"available_memory": "memory", "peak_memory_mib": "memory", "usable_cores": "cpu"}
    )
