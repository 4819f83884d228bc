"""What an earlier version wrote, opened by this one: catalogs, runs in the middle, checkpoints, exports, comparisons.

    python -m benchmarks.upgrades [COMMIT] [--keep DIR] [--texts tests/earlier]

Outside CI, 5 minutes. The commit (by default the last one before the work on endurance) is checked out beside this one,
and its own ``codo`` writes everything, small. Two runs are then set back to their first checkpoint, as a kill leaves
them. This version is given each of them. A row says what it did: opened, resumed to the same bits as the version that
began it would have, or the three lines with which it refuses. The exit code is 1 if one of them fails otherwise.
``--texts`` keeps what the suite needs of the earlier version's files: settings, metadata, names and shapes of tensors.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.endurance.cases import FINETUNE, MODEL, PRETRAIN, words

ROOT = Path(__file__).parents[1]
BEFORE = "ec4da5f"
KEEP = {"keep_checkpoints": 9, "checkpoint_every": 2}

DRAW = """
import sys
from pathlib import Path
from codo.demo.synthetic.scenes import write_demo
folder = Path(sys.argv[1])
data = write_demo(folder, size=72, objects=26, train=6, val=3, use_photographs=False)
data.unlabeled.rename(folder / "pictures")
(folder / "detection").rename(folder / "labeled")
"""


@dataclass(frozen=True)
class Row:
    """What came of one thing: its name, the exit code, what was seen."""

    name: str
    code: int
    seen: str
    ends_well: bool


def commands(place: Path) -> dict[str, list[str]]:
    """The commands by the name of what they write; the same for both versions."""
    data, catalog = f"data={place}/labeled", f"{place}/catalog"
    finetune = ["-c", "finetune_laptop", data, *words({**FINETUNE, **KEEP})]
    pools = [f"foregrounds={catalog}", f"backgrounds=[{place}/packed]"]
    pretrain = {**PRETRAIN, **KEEP, "probe": {"every": 3, "proposals": 8, "group": 4}}
    compared = [f"inits=[none,codo={place}/run]", "fractions=[1]", "seeds=[0,1]", "jobs=1", "steps=2"]
    return {
        "catalog": ["prepare", f"{place}/pictures", "--out", catalog, "--jobs", "1"],
        "packed catalog": ["prepare", f"{place}/pictures", "--out", f"{place}/packed", "--jobs", "1", "--pack", "48"],
        "pretraining": ["pretrain", *pools, *words(pretrain), f"out={place}/run"],
        "finetuning": ["finetune", *finetune, f"weights={place}/run", f"out={place}/detector"],
        "export": ["export", f"{place}/run", "--to", "torchvision", "--out", f"{place}/trunk.pth"],
        "comparison": ["compare", *finetune, *compared, f"out={place}/answer"],
    }


def later(place: Path) -> dict[str, list[str]]:
    """What else a user does with it."""
    trunk = [f"model.{name}={MODEL[name]}" for name in ("width", "fpn_channels", "head_dim")]
    weights = [*words({**FINETUNE, "steps": 1}), *trunk, f"out={place}/again", f"data={place}/labeled"]
    return {
        "export as weights=": ["finetune", "-c", "finetune_laptop", *weights, f"weights={place}/trunk.pth"],
        "page of the catalog": ["view", f"{place}/catalog"],
        "page of the run": ["view", f"{place}/run"],
        "evaluation of the detector": ["evaluate", f"{place}/detector"],
        "probe of the run": ["probe", f"{place}/run", f"data={place}/labeled"],
    }


def run(source: Path, arguments: list[str], place: Path) -> tuple[int, str]:
    """Run ``codo`` of a checkout; returns the exit code and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "codo.cli", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of a commit, in a temporary worktree."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "earlier"
        git("worktree", "add", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            git("worktree", "remove", "--force", str(folder))


def git(*arguments: str) -> str:
    """Run git in this repository."""
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True).stdout


def write_earlier(source: Path, place: Path) -> None:
    """Let the earlier version write everything; the two runs are set back, their ends kept aside."""
    environment = {**os.environ, "PYTHONPATH": str(source / "src")}
    subprocess.run([sys.executable, "-c", DRAW, str(place)], check=True, env=environment)
    for name, arguments in commands(place).items():
        code, text = run(source, arguments, place)
        if code:
            raise SystemExit(f"the earlier version fails at {name}:\n{text}")
        print(f"earlier: {name}", flush=True)
    for name in ("run", "detector"):
        set_back(place / name, place / f"{name}-whole")


def set_back(folder: Path, whole: Path) -> None:
    """Take a finished run back to its first checkpoint, as if it had been killed after it."""
    shutil.copytree(folder, whole)
    first, *others = sorted((folder / "checkpoints").glob("step-*.pt"))
    for path in others:
        path.unlink()
    (folder / "checkpoints" / "last").write_text(first.name + "\n", encoding="utf-8")
    (folder / "report.html").unlink()


def write_texts(place: Path, folder: Path) -> None:
    """Keep settings and metadata of what the earlier version wrote as text; see tests/test_upgrades.py."""
    import pyarrow.parquet as pq
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    files = ("run/config.yaml", "detector/config.yaml", "detector/detector.json", "answer/compare.yaml")
    texts = {name.replace("/", "-"): (place / name).read_text(encoding="utf-8") for name in files}
    texts["answer-comparison.json"] = (place / "answer/comparison.json").read_text(encoding="utf-8")
    for name in ("catalog", "packed"):
        schema = pq.read_schema(place / name / "catalog.parquet")
        texts[f"{name}-metadata.json"] = schema.metadata[b"codo"].decode() + "\n"
        texts[f"{name}-schema.txt"] = schema.remove_metadata().to_string() + "\n"
    for name in ("run", "detector"):
        state = torch.load(max((place / name / "checkpoints").glob("step-*.pt")), weights_only=True)
        tensors = [f"{key} {tuple(value.shape)} {value.dtype}" for key, value in state["method"].items()]
        texts[f"{name}-checkpoint.txt"] = "\n".join([" ".join(sorted(state)), *tensors, ""])
    for name, text in texts.items():
        (folder / name).write_text(text.replace(str(place), "/place"), encoding="utf-8")


def open_all(place: Path) -> Iterator[Row]:
    """Give everything to this version."""
    for name, arguments in {**commands(place), **later(place)}.items():
        code, text = run(ROOT, arguments, place)
        seen = last_words(text) if code else outcome(name, place, text)
        yield Row(name, code, seen, ends_well=code == 0 or (code == 2 and "fix:" in seen))


def outcome(name: str, place: Path, text: str) -> str:
    """What to say of a command that succeeded."""
    folder = {"pretraining": "run", "finetuning": "detector"}.get(name)
    if folder is None:
        return "no trial again" if name == "comparison" and "4 trials, 0 to run" in text else "opened"
    log = (place / folder / "train.log").read_text(encoding="utf-8")
    return f"{'resumed' if 'resumed from step 2' in log else 'began anew'}, {same(place, folder)}"


def same(place: Path, folder: str) -> str:
    """Whether the newest checkpoints of the run and of its earlier end have the same bits."""
    import torch

    a, b = (
        torch.load(max((place / name / "checkpoints").glob("step-*.pt")), weights_only=True)["method"]
        for name in (folder, f"{folder}-whole")
    )
    if a.keys() != b.keys():
        return f"other tensors: {sorted(a.keys() ^ b.keys())[:3]}"
    other = [name for name in a if not torch.equal(a[name], b[name])]
    return f"{len(other)} of {len(a)} tensors differ" if other else f"the same bits in all {len(a)} tensors"


def last_words(text: str) -> str:
    """The three lines of an error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("codo: ")]
    return "; ".join(lines[starts[-1] : starts[-1] + 3] if starts else lines[-1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", nargs="?", default=BEFORE, help=f"the earlier version (default: {BEFORE})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what was written here")
    parser.add_argument("--texts", type=Path, metavar="DIR", help="keep settings and metadata here, for the suite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, checkout(options.commit) as source:
        place = options.keep.absolute() if options.keep else Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        write_earlier(source, place)
        if options.texts:
            write_texts(place, options.texts)
        rows = list(open_all(place))
    print(f"\nWritten by {options.commit}, opened by {git('describe', '--always', '--dirty').strip()}:\n")
    print("| what | exit code | what this version does |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {row.name} | {row.code} | {row.seen.replace(str(place), 'DIR')} |")
    return 0 if all(row.ends_well for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
