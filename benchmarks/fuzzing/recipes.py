"""Recipes, settings on the command line and the recorded settings of a run: YAML."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from random import Random

from benchmarks.fuzzing.formats import ACCEPTED, Given, Mutant, Outcome
from benchmarks.fuzzing.mutations import mutate
from benchmarks.fuzzing.trees import deepened, mutate_tree

SCHEMAS = ("pretrain", "finetune", "compare")


def yaml_seeds(folder: Path) -> None:
    import yaml

    from codo.core.config import read_recipe

    for name in ("laptop", "codo_200ep", "finetune_laptop", "table1_laptop"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(read_recipe(name)))


def recipe(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere; values and keys changed; tags, anchors, merges and bases that do not end."""
    import yaml

    data = rng.choice(seeds)
    what = rng.random()
    if what < 0.3:
        return Mutant(mutate(rng, data, seeds))
    if what < 0.65:
        tree = mutate_tree(rng, yaml.safe_load(data), values)
        try:
            text = yaml.safe_dump(tree) if rng.random() < 0.5 else json.dumps(tree)
        except (yaml.YAMLError, ValueError):
            text = repr(tree)
        return Mutant(deepened(rng, text).encode("utf-8", "replace"))
    lines = data.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(lines))
        key = lines[at].partition(":")[0]
        lines[at : at + rng.randrange(2)] = rng.choice(_LINES).format(key=key, value=rng.choice(_VALUES)).splitlines()
    return Mutant("\n".join(lines).encode("utf-8", "replace") + b"\n")


_LINES = (
    "{key}: {value}",
    "{key}: &a {value}",
    "{key}: *a",
    "<<: *a",
    "? {value}\n: {value}",
    "base: {value}",
    "- {value}",
    "--- {value}",
    "{key}: !!python/object/apply:os.mkdir [code-of-the-file-has-run]",
    "{key}: !!python/name:os.system",
    "{key}: !!binary {value}",
    "{key}: !!timestamp {value}",
    "{key}: !!set {{{value}}}",
    "{key}: !!omap [{value}]",
    "%YAML 9.9",
    "%TAG ! tag:x,2000:",
    "l0: &l0 [a, a]\nl1: &l1 [*l0, *l0, *l0, *l0, *l0, *l0, *l0, *l0, *l0]\nl2: &l2 [*l1, *l1, *l1, *l1, *l1]\n"
    "l3: &l3 [*l2, *l2, *l2, *l2, *l2, *l2, *l2]\nl4: &l4 [*l3, *l3, *l3, *l3, *l3, *l3, *l3]\n"
    "{key}: [*l4, *l4, *l4, *l4, *l4, *l4, *l4]",
    "m0: &m0 {{a: 1, b: 1}}\nm1: &m1 {{a: *m0, b: *m0, c: *m0, d: *m0}}\nm2: &m2 {{a: *m1, b: *m1, c: *m1, d: *m1}}\n"
    "m3: &m3 {{a: *m2, b: *m2, c: *m2, d: *m2}}\nm4: &m4 {{a: *m3, b: *m3, c: *m3, d: *m3}}\n"
    "m5: &m5 {{a: *m4, b: *m4, c: *m4, d: *m4}}\nm6: &m6 {{a: *m5, b: *m5, c: *m5, d: *m5}}\n"
    "m7: &m7 {{a: *m6, b: *m6, c: *m6, d: *m6}}\nm8: &m8 {{a: *m7, b: *m7, c: *m7, d: *m7}}\n"
    "m9: &m9 {{a: *m8, b: *m8, c: *m8, d: *m8}}\noptions: {{a: *m9, b: *m9, c: *m9, d: *m9}}",
    "options: &o {{a: *o}}",
    "{key}: &r [*r]",
)

_VALUES = (
    *(
        "0",
        "-1",
        "1e309",
        ".inf",
        ".nan",
        "~",
        "true",
        "''",
        "[]",
        "{}",
        "[[[]]]",
        "{a: {b: {c: 1}}}",
        "0o7777",
        "0x",
        "0b2",
    ),
    *("2001-99-99", "2001-12-14t21:59:43.10-99:99", "190:20:30", "1_000", "'../../escape'", "/etc/passwd", "/dev/zero"),
    *(
        "http://192.0.2.1/x",
        "'\\0'",
        "laptop",
        "self.yaml",
        "codo_200ep",
        "./",
        "%",
        "@",
        "`",
        "!!str",
        "!x y",
        "9" * 5000,
    ),
    *("method.py:Class", "timm:x", "imagenet", "none"),
)


def read_recipe(one: Given, folder: Path) -> Outcome:
    """Resolve it as a recipe of three verbs, as overrides on the command line, and as the settings of a run."""
    from codo.command_line.verbs import VERBS  # noqa: F401 - what the command line has loaded by then
    from codo.comparison.compare_settings import CompareSettings
    from codo.core.config import differences, parse_assignments, read_yaml, resolve
    from codo.core.errors import CodoError
    from codo.core.renamed import upgrade
    from codo.detection.finetune_settings import FinetuneSettings
    from codo.training.pretrain_settings import PretrainSettings

    folder.mkdir()
    path = folder / "self.yaml"
    path.write_bytes(one.path.read_bytes())
    given = {"out": "x", "foregrounds": "x", "backgrounds": ["x"], "data": "x", "inits": ["none"]}
    refused: CodoError | None = None
    accepted = False
    for schema in (PretrainSettings, FinetuneSettings, CompareSettings):
        overrides = {key: value for key, value in given.items() if key in schema.model_fields}
        try:
            settings = resolve(schema, path, overrides)
            differences(settings.model_dump(mode="json"), upgrade(read_yaml(path)))
            accepted = True
        except CodoError as error:
            refused = error
    rng = random.Random(one.path.stat().st_size)
    lines = [line for line in path.read_text(errors="replace").splitlines() if ":" in line]
    for line in rng.sample(lines, min(3, len(lines))):
        try:
            resolve(
                PretrainSettings, "laptop", parse_assignments([line.replace(":", "=", 1), "out=x", "foregrounds=x"])
            )
        except CodoError:
            continue
    if not accepted and refused is not None:
        raise refused
    return Outcome(ACCEPTED)
