"""What every export target can do; one file per target implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from torch import Tensor

from codo.export.trunk import Trunk
from codo.models.load_report import LoadReport

DetectorName = Literal["mask_rcnn", "faster_rcnn"]

Features = Callable[[Tensor, Tensor], list[Tensor]]
"""Runs a rebuilt trunk: images (B, 3, H, W) and pooled boxes (N, C, 7, 7) -> P2 to P5 and box features (N, R)."""


class Target(ABC):
    """A format for one kind of reader.

    Args:
        detector: The detector that the file is meant for, where that makes a difference.
    """

    def __init__(self, detector: DetectorName = "mask_rcnn") -> None:
        self.detector = detector

    @property
    @abstractmethod
    def filename(self) -> str:
        """Name of the file in the run's ``exports/``."""

    @abstractmethod
    def write(self, trunk: Trunk, path: Path) -> None:
        """Write the file."""

    @abstractmethod
    def rebuild(self, trunk: Trunk, path: Path) -> tuple[Features, LoadReport]:
        """Do what a user does with the file: build the model it is for and load it.

        Returns:
            How to run the trunk inside that model, and what matched.
        """

    @abstractmethod
    def usage(self, trunk: Trunk, name: str) -> str:
        """Python that loads the file called ``name``."""
