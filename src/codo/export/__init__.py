"""The pretrained trunk of a run as a file for other tools: one file per target.

* ``trunk``: `Trunk`, what is exported: backbone, FPN and box head with the settings they were built from.
* ``torchvision``: for torchvision's Faster and Mask R-CNN; builds these detectors around any of our trunks.
* ``safetensors``: the trunk as it is, with its settings in the header.
* ``write``: `export`: read, write, verify by running both, and only then put the file in its place.

What matched is reported by ``models.load_report``.
"""

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """Lets ``codo.export(run, to=…)`` work although ``codo.export`` is this room.

    Importing any module in here binds the name ``codo.export`` to the room, over the function of the same name.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call `codo.export.write.export`."""
        from codo.export.write import export

        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
