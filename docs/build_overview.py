"""Draw docs/images/overview.png: an image with proposals, and views of it. Only rendered pictures, no photographs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from codo.demo.synthetic.scenes import write_demo
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.preparation.prepare import prepare
from codo.views.boxes import iou
from codo.views.cpj import CopyPasteJitter
from codo.views.photometric import AugmentSettings

TARGET = Path(__file__).parent / "images" / "overview.png"
PASTED, JITTERED, PROPOSAL = "#ffffff", "#ffb000", "#00d0c0"


def main() -> None:
    """Render two samples: image with proposals, the query view, three key views."""
    with tempfile.TemporaryDirectory() as folder:
        data = write_demo(Path(folder) / "data", size=256, objects=16, train=40, val=1, seed=3, use_photographs=False)
        objects = prepare(data.unlabeled, Path(folder) / "objects", jobs=1, progress=False)
        scenes = prepare(data.train, Path(folder) / "scenes", propose=False, jobs=1, progress=False)
        pool = Pool([scenes], [None])
        cpj = PastedViews(objects, pool, pool, CopyPasteJitter(224, augment=AugmentSettings(gray=0)), seed=4)
        figure = Figure(figsize=(11, 4.7), dpi=100, facecolor="white")
        axes = figure.subplots(2, 5, gridspec_kw={"wspace": 0.04, "hspace": 0.04})
        for row, sample in enumerate((0, 12)):
            epoch = next(e for e in range(1000) if is_an_object(cpj.proposal(e, sample), objects.image(sample)))
            show(axes[row, 0], objects.image(sample))
            for box in spread(objects.proposals(sample)):
                outline(axes[row, 0], box, PROPOSAL, "-")
            for number, view in enumerate(cpj.views(epoch, sample, range(4))):
                show(axes[row, number + 1], view.image)
                outline(axes[row, number + 1], view.pasted, PASTED, ":")
                outline(axes[row, number + 1], view.box, JITTERED, "-")
        for axis, title in zip(axes[0], ("proposals", "query view", "key view", "key view", "key view"), strict=True):
            axis.set_title(title, fontsize=11)
        TARGET.parent.mkdir(exist_ok=True)
        figure.savefig(TARGET, bbox_inches="tight", metadata={"Software": None})


def is_an_object(proposal: np.ndarray, image: np.ndarray) -> bool:
    """Whether a proposal is likely the object, for a picture that is easy to read: detailed, and a fair part of all."""
    share = proposal.shape[0] * proposal.shape[1] / (image.shape[0] * image.shape[1])
    return bool(0.12 < share < 0.4 and proposal.std(axis=(0, 1)).mean() > 1.15 * image.std(axis=(0, 1)).mean())


def spread(boxes: np.ndarray, wanted: int = 6) -> list[np.ndarray]:
    """A few proposals that differ from each other, largest first."""
    chosen: list[np.ndarray] = []
    for box in sorted(boxes, key=lambda b: -(b[2] - b[0]) * (b[3] - b[1])):
        if len(chosen) < wanted and all(iou(box, other) < 0.5 for other in chosen):
            chosen.append(box)
    return chosen


def show(axis: Axes, image: np.ndarray) -> None:
    """An image without axes."""
    axis.imshow(image)
    axis.set_axis_off()


def outline(axis: Axes, box: np.ndarray, color: str, style: str) -> None:
    """A box."""
    x1, y1, x2, y2 = (float(side) for side in box)
    axis.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, lw=1.8, ls=style, color=color))


if __name__ == "__main__":
    main()
