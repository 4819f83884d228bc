"""OpenCV contrib in a throw-away environment, and how it is asked (`opencv_child` is what answers)."""

from __future__ import annotations

import json
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

PACKAGES = ("numpy", "opencv-contrib-python-headless")


@contextmanager
def environment() -> Iterator[Path]:
    """The Python of an environment that has OpenCV contrib; it is deleted on leaving.

    Raises:
        subprocess.CalledProcessError: The packages could not be installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", *PACKAGES], check=True)
        yield python


class OpenCV:
    """The child process, ready to be asked.

    Attributes:
        version: Of OpenCV.
    """

    def __init__(self, requests: IO[str], answers: IO[str], folder: Path) -> None:
        self._requests, self._answers, self._folder = requests, answers, folder
        self.version: str = json.loads(answers.readline())["version"]

    def search(self, image: npt.NDArray[np.uint8], mode: str) -> tuple[npt.NDArray[np.float64], float]:
        """Boxes ``(N, 4)`` xyxy of a BGR image, and the seconds of CPU that they took."""
        paths = {"image": str(self._folder / "image.npy"), "boxes": str(self._folder / "boxes.npy")}
        np.save(paths["image"], image)
        seconds = self._ask({**paths, "mode": mode})["seconds"]
        return np.load(paths["boxes"]).astype(np.float64), seconds

    def prepare(self, files: Sequence[Path]) -> tuple[int, float]:
        """Search images at full size as people do; returns the number of boxes kept, and the seconds of CPU."""
        answer = self._ask({"prepare": [str(file) for file in files], "out": str(self._folder / "rows.json")})
        return answer["boxes"], answer["seconds"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


@contextmanager
def opencv(python: Path | None = None) -> Iterator[OpenCV]:
    """OpenCV contrib's process.

    Args:
        python: A Python that has it; ``None`` makes an environment for as long as it is needed.
    """
    if python is None:
        with environment() as made, opencv(made) as answering:
            yield answering
        return
    child = Path(__file__).with_name("opencv_child.py")
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([python, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        yield OpenCV(process.stdin, process.stdout, Path(folder))
        process.stdin.close()
