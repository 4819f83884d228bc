"""The page next to exported weights: what they are, how to load them, which tensors matched, and their origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from codo import __version__
from codo.exporters.origin import DataSource, Origin
from codo.exporters.target import Target, covered
from codo.exporters.trunk import PARTS, TrunkWeights
from codo.exporters.verify import TOLERANCE, Verified
from codo.models.normalization import IMAGENET

_TITLES = {"backbone": "backbone", "fpn": "FPN", "box_head": "box head"}


def card(trunk: TrunkWeights, target: Target, name: str, verified: Verified, digest: str, origin: Origin | None) -> str:
    """The page in Markdown.

    Args:
        trunk: The exported trunk.
        target: The export format.
        name: Name of the weights file.
        verified: Result of the verification.
        digest: SHA-256 of the file in hexadecimal.
        origin: The run of the weights, if they come from a run.
    """
    sections = [
        _summary(trunk, target),
        f"```python\n{target.usage(trunk, name)}```",
        _companions(trunk, target, name),
        "## What matches\n\nCompared with the model that the code above builds; `missing` tensors stay random.\n\n"
        f"```\n{verified.report.table()}\n```",
        _random(trunk, target, verified),
        _left_out(trunk, target),
        f"## Checked\n\n{verified.how} On a fixed input its {', '.join(verified.outputs)} equal those of the "
        f"pretrained encoder to {TOLERANCE:g} of the largest value.\n\n"
        f"SHA-256 of `{name}`:\n\n```\n{digest}\n```",
        _origin(trunk, origin) if origin else "",
    ]
    return heading(trunk, target, name) + "\n" + "\n\n".join(section for section in sections if section) + "\n"


def heading(trunk: TrunkWeights, target: Target, name: str) -> str:
    """The beginning of the page; an earlier export is recognized by it."""
    return f"{target.front_matter(trunk)}# {name}\n"


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _summary(trunk: TrunkWeights, target: Target) -> str:
    model, parts = trunk.model, covered(target, trunk)
    sizes = {
        "backbone": f"{model.backbone} of width {model.width:g}",
        "fpn": f"{model.fpn_channels} channels",
        "box_head": model.head,
    }
    titles = [_TITLES[part] for part in parts]
    listed = ", ".join(titles[:-1]) + " and " + titles[-1] if len(titles) > 1 else titles[0]
    own = model.normalization
    mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (own.mean, own.std))
    usual = "minus ImageNet's mean, divided by its deviation"
    pixels = usual if own == IMAGENET else f"minus ({mean}), divided by ({std})"
    copy = " (of the momentum encoder, not the trained one)" if trunk.network == "key" else ""
    return (
        f"{listed[0].upper()}{listed[1:]}{copy} ({', '.join(sizes[part] for part in parts)}), pretrained by method "
        f"`{trunk.method}` for {trunk.step} steps with CoDo {__version__}. Images are RGB in 0..1, {pixels}."
    )


def _companions(trunk: TrunkWeights, target: Target, name: str) -> str:
    files = target.companions(trunk, name)
    return "In the same folder: " + ", ".join(f"`{file}`" for file in files) + "." if files else ""


def _random(trunk: TrunkWeights, target: Target, verified: Verified) -> str:
    reasons = dict(target.random)
    reasons |= {part: f"method `{trunk.method}` does not pretrain it" for part in PARTS if part not in trunk.parts}
    lines = [
        f"- `{part}` ({missing} tensors): {reasons.get(part, 'not part of a trunk')}"
        for part, (_, missing, _, _) in verified.report.counts().items()
        if missing
    ]
    return "## What stays random, and why\n\n" + "\n".join(lines) if lines else ""


def _left_out(trunk: TrunkWeights, target: Target) -> str:
    lines = [f"- {what}: {why}" for what, why in target.left_out(trunk).items()]
    return "## What is left out or changed\n\n" + "\n".join(lines) if lines else ""


def _origin(trunk: TrunkWeights, origin: Origin) -> str:
    metrics = origin.metrics
    facts = {
        "run": f"`{origin.run}`, started {origin.started} on {origin.hardware}, seed {origin.seed}",
        "length": f"{trunk.step:,} steps, {origin.samples:,} samples seen",
    }
    if origin.frozen:
        facts["frozen"] = origin.frozen
    if "loss" in metrics:
        facts["last loss"] = f"{metrics['loss']:.4g}"
    if "invariance" in metrics:
        facts["last background-invariance score"] = _score(metrics, "invariance", "invariance_chance")
    for name in metrics:
        kind, _, reader = name.rpartition("/")
        if name.startswith("probe/") and reader != "chance":
            facts[f"last `{name}`"] = _score(metrics, name, f"{kind}/chance")
    facts["versions"] = ", ".join(f"{package} {version}" for package, version in origin.versions.items())
    data = "\n".join(f"| {source.name} | {', '.join(source.roles)} | {_counts(source)} |" for source in origin.sources)
    return (
        "## Where it comes from\n\n"
        + "\n".join(f"- {name}: {value}" for name, value in facts.items())
        + "\n\n| data | used for | images | proposals | content fingerprint |\n|---|---|---|---|---|\n"
        + f"{data}\n\nCounts and fingerprints were computed from the catalogs when this file was written.\n\n"
        + f"All settings of the run, with file names instead of paths:\n\n```yaml\n{origin.config}```"
    )


def _score(metrics: Mapping[str, float], name: str, chance: str) -> str:
    return f"{metrics[name]:.3f}" + (f" (chance {metrics[chance]:.3f})" if chance in metrics else "")


def _counts(source: DataSource) -> str:
    if source.images is None:
        return "catalog has moved or been deleted | | "
    proposals = "" if source.proposals is None else f"{source.proposals:,}"
    return f"{source.images:,} | {proposals} | `{source.fingerprint}`"
