"""``codo doctor``: installed versions, devices of this machine, and a self-check.

Each check runs a small real computation with a known result, and prints one line. The report is made to be pasted into
an issue: no environment variable is printed but the folder that ``CODO_CACHE`` names, and the home folder as ``~``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from codo.core.cache import VARIABLE, default_cache
from codo.core.run import describe_environment
from codo.machine.cpu import usable_cores


def doctor() -> bool:
    """Print the report; returns whether every check passed."""
    import torch

    from codo.training.distributed import cpu_threads

    environment = describe_environment("doctor")
    print(f"system      {environment['system']}, Python {environment['python']}")
    for name, version in environment["packages"].items():
        commit = f" ({environment['commit']})" if name == "codo-detect" and "commit" in environment else ""
        print(f"            {name} {version}{commit}")
    print(f"optional    {', '.join(_optional_packages()) or 'none'}")
    cores, total = usable_cores(), os.cpu_count() or 1
    usable = f"{cores} cores" if cores == total else f"{cores} of {total} cores may be used"
    print(f"cpu         {usable}, torch uses {cpu_threads()} threads")
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
        print(f"gpu {index}       {device.name}, {device.total_memory / 2**30:.0f} GiB, {bf16}")
    if not torch.cuda.is_available():
        print("gpu         none")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    print(f"disk        {free:.0f} GiB free here{'' if free > 5 else ' (low: checkpoints and catalogs need space)'}")

    print(f"cache       {_without_home(_cache_folder())}")
    print(f"kernels     {_without_home(_kernels())}")

    checks: list[tuple[str, Callable[[], str]]] = [
        ("images", _images),
        ("proposals", _proposals),
        ("RoIAlign", _roi_align),
        ("training", _training),
        ("evaluation", _evaluation),
    ]
    passed = [_passes(name, check) for name, check in checks]
    return all(passed)


def _passes(name: str, check: Callable[[], str]) -> bool:
    started = time.perf_counter()
    try:
        result = check()
    except Exception as error:  # report any fault of the installation, and run the other checks
        print(f"{name:<11} FAIL {type(error).__name__}: {_without_home(str(error))}")
        return False
    print(f"{name:<11} ok   {result} ({time.perf_counter() - started:.1f} s)")
    return True


def _optional_packages() -> list[str]:
    """The installed packages of the extras for users, with versions."""
    try:
        required = metadata.requires("codo-detect") or []
    except metadata.PackageNotFoundError:  # run from its source
        return []
    found = set()
    for requirement in required:
        parts = re.match(r"([\w.-]+).*;.*\bextra == [\"'](.+?)[\"']", requirement)
        if parts and parts[2] not in ("dev", "docs"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                found.add(f"{parts[1]} {metadata.version(parts[1])}")
    return sorted(found)


def _without_home(text: str) -> str:
    """Paths below the home folder begin with ``~``: its name is often a person's."""
    home = str(Path.home())
    return text if home == os.sep else re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)


def _cache_folder() -> str:
    folder = default_cache()
    exists = next(path for path in (folder, *folder.parents) if path.exists())
    return f"{folder}{'' if os.access(exists, os.W_OK) else f' (cannot be written: set {VARIABLE}=DIR)'}"


def _kernels() -> str:
    from codo.core.jit import kernel_folder
    from codo.views.kernels.color import change

    return kernel_folder(change) or f"compiled by every process, fifteen seconds: set {VARIABLE}=DIR to keep them"


def _test_image() -> Path:
    """A JPEG of a bright square at (40, 30) to (90, 80) on noise, in a temporary folder."""
    import cv2
    import numpy as np

    image = np.random.default_rng(0).integers(0, 60, (120, 160, 3), dtype=np.uint8)
    image[30:80, 40:90] = (40, 200, 240)
    folder = Path(tempfile.mkdtemp(prefix="codo-doctor-"))
    cv2.imwrite(str(folder / "square.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    return folder / "square.jpg"


def _images() -> str:
    from codo.catalog.decode import decode

    path = _test_image()
    pixel = decode(path.read_bytes())[55, 65]
    shutil.rmtree(path.parent)
    if abs(pixel.astype(int) - (240, 200, 40)).max() > 25:
        raise ValueError(f"a decoded pixel is {pixel.tolist()}, not about [240, 200, 40]")
    return "JPEG decodes to RGB"


def _proposals() -> str:
    from codo.catalog.decode import decode
    from codo.proposals.selective_search import selective_search
    from codo.views.boxes import iou

    path = _test_image()
    image = decode(path.read_bytes())
    shutil.rmtree(path.parent)
    boxes = selective_search(image)
    best = float(iou(boxes, [40, 30, 90, 80]).max())
    if best < 0.8:
        raise ValueError(f"no proposal fits a bright square (best IoU {best:.2f})")
    return f"selective search finds a square (IoU {best:.2f}, {len(boxes)} boxes)"


def _roi_align() -> str:
    import torch
    import torchvision

    from codo.models.roi_align import roi_align

    features = torch.randn(2, 4, 14, 14, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[10.0, 20, 150, 200], [0, 0, 224, 100]])
    indexed = torch.cat([torch.arange(2.0)[:, None], boxes], dim=1)
    expected = torchvision.ops.roi_align(features, indexed, 7, 1 / 16, sampling_ratio=-1, aligned=True)
    error = float((roi_align(features, boxes, 1 / 16, 7) - expected).abs().max())
    if error > 1e-4:
        raise ValueError(f"differs from torchvision by {error:g}")
    return "agrees with torchvision"


def _training() -> str:
    import torch

    from codo.contrast.infonce import info_nce
    from codo.models.encoder import Encoder, ModelSettings
    from codo.training.distributed import choose_device

    device = choose_device("auto")
    torch.manual_seed(0)
    encoder = Encoder(ModelSettings(backbone="resnet18", width=0.25, fpn_channels=16, head="1conv1fc", head_dim=32))
    encoder = encoder.to(device)
    images = torch.randn(4, 3, 64, 64, device=device)
    boxes = torch.tensor([[8.0, 8, 56, 56]], device=device).expand(4, 4)
    embeddings = encoder(images, boxes)
    keys = embeddings.detach()[None]
    terms = info_nce(embeddings, keys, torch.nn.functional.normalize(torch.randn(4, 64, 128, device=device), dim=-1))
    loss = terms.losses.sum()
    torch.autograd.backward(loss)
    if not torch.isfinite(loss):
        raise ValueError("the loss is not finite")
    return f"forward and backward on {device}"


def _evaluation() -> str:
    from codo.evaluation.coco_metrics import coco_metrics

    box = [10.0, 10.0, 40.0, 30.0]
    truth = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "square"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 1200.0, "iscrowd": 0}],
    }
    found = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9}]
    for backend in ("hotcoco", "pycocotools"):
        ap = coco_metrics(truth, found, "bbox", backend).numbers["AP"]
        if abs(ap - 1) > 1e-6:
            raise ValueError(f"{backend} gives a perfect detection an AP of {ap:g}")
    return "hotcoco and pycocotools agree on a perfect detection"
