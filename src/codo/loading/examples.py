"""Pictures of what a method answers: a file in a run, written after its last step and shown by its report.

::

    RUN/examples.npz    images uint8 (n, c, S, S, 3); columns: c names; caption: what is shown, in words

Each of the n rows is an example, each column one picture of it, such as input, prediction and truth.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.core.io import write_atomically
from codo.loading.step_dataset import StepDataset

FILE = "examples.npz"


@dataclass(frozen=True)
class Examples:
    """Examples as pictures.

    Attributes:
        images: uint8 ``(n, c, S, S, 3)``, RGB.
        columns: Name of each of the c columns.
        caption: What is shown, in words.
    """

    images: npt.NDArray[np.uint8]
    columns: tuple[str, ...]
    caption: str

    def write(self, folder: Path) -> None:
        """Write the file into the folder of a run."""
        content = {"images": self.images, "columns": np.array(self.columns), "caption": np.array(self.caption)}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **content)
        write_atomically(folder / FILE, buffer.getvalue())

    @classmethod
    def keep(
        cls, folder: Path, make: Callable[[StepDataset], Examples | None], dataset: StepDataset, *, again: bool
    ) -> None:
        """Make and write the examples of a run, if its method has any; those that are there stay unless ``again``."""
        if (again or cls.read(folder) is None) and (found := make(dataset)) is not None:
            found.write(folder)

    @classmethod
    def read(cls, folder: Path) -> Examples | None:
        """Read the file of a run; ``None`` if there is none, or none that can be read."""
        try:
            with np.load(folder / FILE, allow_pickle=False) as found:
                return cls(found["images"], tuple(map(str, found["columns"])), str(found["caption"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
