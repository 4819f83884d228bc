"""Decoded images in memory, shared by the processes that are forked afterwards.

A run of many epochs over a few thousand images decodes each of them hundreds of times, which takes longer than making
views of it. Here every image has a place of its own, big enough for its pixels, and whoever decodes it first leaves
them there. Nothing is ever removed: every image is as likely to be next as any other, so that one which makes room
for another would be missed just as much. What does not fit is decoded each time, as it would be without.

The pixels are those of the whole image, so views of them are equal, bit by bit.
"""

from __future__ import annotations

import mmap
import multiprocessing

import numpy as np
import numpy.typing as npt

from codo.views.lazy_image import Image

_PATIENCE = 1.0
"""Seconds to wait for the lock. It is held for a microsecond, unless its holder was killed just then."""


class DecodedImages:
    """Places for the pixels of the first images of a catalog.

    The memory is taken from the system as places are filled. Two processes that fill the same place at once write the
    same pixels.

    Args:
        sizes: Width and height of images as they are decoded, integers ``(n, 2)``; those of a larger size get no place.
        limit: Bytes in all.
    """

    def __init__(self, sizes: npt.NDArray[np.integer], limit: int) -> None:
        ends = np.cumsum(3 * sizes.astype(np.int64).prod(axis=1))
        self._ends = ends[: np.searchsorted(ends, limit, side="right")]
        self._memory = mmap.mmap(-1, max(1, self.size))
        self._pixels = np.frombuffer(self._memory, np.uint8)
        self._shapes = np.frombuffer(mmap.mmap(-1, max(4, 4 * len(self))), np.uint16).reshape(-1, 2)
        # Height and width of what is in a place are written after its pixels. The lock keeps other processors from
        # seeing them in another order, as those of ARM may.
        self._lock = multiprocessing.get_context("fork").Lock()

    def __len__(self) -> int:
        """The number of places."""
        return len(self._ends)

    @property
    def size(self) -> int:
        """Bytes of all places."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def filled(self) -> int:
        """How many places have been filled, by any process."""
        return int(np.count_nonzero(self._shapes[:, 0]))

    def get(self, i: int) -> Image | None:
        """Image ``i``, uint8 ``(H, W, 3)``, not to be changed; ``None`` if it is not here."""
        if not (self.has_place(i) and self._acquired()):
            return None
        height, width = self._shapes[i].tolist()
        self._lock.release()
        begin = int(self._ends[i - 1]) if i else 0
        return self._pixels[begin : begin + 3 * height * width].reshape(height, width, 3) if height else None

    def has_place(self, i: int) -> bool:
        """Whether image ``i`` has a place."""
        return 0 <= i < len(self)

    def put(self, i: int, image: Image) -> None:
        """Fill the place of image ``i`` with its pixels, uint8 ``(H, W, 3)``; one larger than expected is left out."""
        if not self.has_place(i):
            return
        begin, end = int(self._ends[i - 1]) if i else 0, int(self._ends[i])
        if image.size > end - begin:
            return
        self._pixels[begin : begin + image.size] = image.reshape(-1)
        if self._acquired():
            self._shapes[i] = image.shape[:2]
            self._lock.release()

    def _acquired(self) -> bool:
        """Take the lock. If that fails, this process does without places from then on, rather than wait each time."""
        if self._lock.acquire(timeout=_PATIENCE):
            return True
        self._ends = self._ends[:0]
        return False
