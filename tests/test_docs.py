"""The commands of README and tutorial, run as they stand.

Only the recipes are replaced by tiny ones of the same names, which lie in the folder the commands run in.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codo.core.config import read_recipe
from codo.demo.synthetic.scenes import write_demo
from codo.methods.registry import METHODS
from tests.training.tiny import MODEL

ROOT = Path(__file__).parent.parent
PRETRAIN = {
    "canvas": 64,
    "batch_size": 4,
    "steps": 2,
    "workers": 0,
    "model": MODEL,
    "contrast": {"queue": 8, "bn_groups": 2},
    "probe": {"proposals": 4, "group": 4},
}
FINETUNE = {
    "base": "finetune_laptop.yaml",
    "steps": 2,
    "workers": 0,
    "short_sides": [64],
    "max_size": 64,
    "model": MODEL,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with photos/, labeled/ and tiny recipes."""
    data = write_demo(tmp_path / "data", size=64, objects=8, train=6, val=3, use_photographs=False)
    (tmp_path / "photos").symlink_to(data.unlabeled)
    (tmp_path / "labeled").symlink_to(data.train.parent)
    for name in ("one_gpu", "laptop"):
        (tmp_path / name).write_text(yaml.safe_dump(PRETRAIN))
    (tmp_path / "finetune_laptop").write_text(yaml.safe_dump(FINETUNE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def blocks(page: str, language: str = "") -> list[str]:
    """The fenced code blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for found, code in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL) if found == language]


def commands(page: str) -> list[list[str]]:
    """The ``codo`` lines of a page, without the whole-demo ones."""
    lines = [line.strip() for block in blocks(page) for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("codo ")]


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_commands_run_as_written(page: str, folder: Path) -> None:
    found = commands(page)
    assert len(found) >= 6
    for command in found:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    assert list(folder.glob("runs/*/report.html"))
    assert list(folder.glob("runs/*/exports/*.pth"))
    for code in blocks(page, "python") if page == "README.md" else ():  # the same runs again: it resumes them
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_documented_comparison_is_of_one_network() -> None:
    """``weights=none`` takes the trunk of the recipe, which must be that of the pretraining recipe beside it."""
    assert (
        read_recipe("laptop")["model"].items() - {("embedding_dim", 128)}
        == read_recipe("finetune_laptop")["model"].items()
    )


def test_python_of_the_readme_runs(folder: Path) -> None:
    (code,) = blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert -1 <= float(done.stdout.strip().splitlines()[-1]) <= 1


def test_make_targets_of_the_docs_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"`?make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert target in targets, f"{page} names make {target}"


NOTEBOOKS = [*ROOT.glob("docs/notebooks/*.py")]
PAGES = sorted([*ROOT.glob("*.md"), *NOTEBOOKS, *(p for p in ROOT.glob("docs/**/*.md") if "_build" not in p.parts)])
FOLDERS = ("src", "docs", "tests", "benchmarks", "findings")


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def written() -> list[Path]:
    """Every text of the repository that somebody reads."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    kept = [
        p
        for p in found
        if p.suffix in (".py", ".yaml", ".md", ".txt", ".html") and not re.search("egg-info|_build", str(p))
    ]
    return sorted([*kept, *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"])


def anchors(page: Path) -> set[str]:
    """What ``#…`` may name on a page: its headings as GitHub spells them, and explicit ``<a id="…">``."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":  # a notebook, whose text is comments
        text = re.sub("^# ", "", text, flags=re.MULTILINE)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found, seen = set(re.findall(r'<a id="([^"]+)"', text)), dict[str, int]()
    for heading in re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE):
        title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return found


def test_anchors_are_spelled_as_on_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# A `b.c`, D\n```\n# no heading\n```\n## [Link](x.md) 1x\n## Same\n## Same\n| <a id="a1"></a>A1 |\n'
    )
    assert anchors(page) == {"a-bc-d", "link-1x", "same", "same-1", "a1"}


@pytest.mark.parametrize("page", names(PAGES))
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", here.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            there = here.parent.joinpath(target) if target else here
            assert there.exists(), f"{page} links to {target}"
            assert not anchor or anchor in anchors(there), f"{page} links to {target}#{anchor}"


def test_citations_of_pages_lead_to_their_place() -> None:
    """``docs/NAME.md#anchor``, wherever it is written."""
    cited = 0
    for path in written():
        for page, anchor in re.findall(r"\b(docs/[\w/-]+\.md)#([\w-]+)", path.read_text(encoding="utf-8")):
            if (page, anchor) != ("docs/NAME.md", "anchor"):
                cited += 1
                assert (ROOT / page).is_file(), f"{path} cites {page}"
                assert anchor in anchors(ROOT / page), f"{path} cites {page}#{anchor}"
    assert cited > 50


def test_files_that_pages_name_exist() -> None:
    """Paths that begin with a folder of the repository; ``{a,b}`` and ``*`` as in a shell. The changelog is history."""
    named = 0
    for page in (page for page in PAGES if page.name != "CHANGELOG.md"):
        text = re.sub(r"\]\([^)]*\)", "]", page.read_text(encoding="utf-8"))
        for path in re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./*{{}},-]*[\w/}}*]", text):
            if path.startswith("docs/_build/"):
                continue  # made by `make docs`
            before, brace, rest = path.partition("{")
            inside, _, after = rest.partition("}")
            for part in inside.split(",") if brace else [""]:
                named += 1
                assert list(ROOT.glob(f"{before}{part}{after}".rstrip("/"))), f"{page.name} names {path}"
    assert named > 30


def test_nothing_cites_what_is_not_here() -> None:
    """Documents and folders that only the makers had."""
    # Taken apart, so that this file does not name them itself.
    private = ("METH" + "OD(?!S)", "PERFORM" + "ANCE", "DES" + "IGN", "doss" + "ier", "shared" + "/(?:paper|data|keys)")
    outside = re.compile(rf"(?<!\w)(?:{'|'.join(private)})")
    placeholder = "pretraining/METH" + "OD/"
    for path in written():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found = outside.search(line.replace(placeholder, ""))
            assert not found, f"{path}, line {number}: {found}"


@pytest.mark.parametrize("page", names(PAGES))
def test_commands_are_quoted_for_every_shell(page: str) -> None:
    """zsh, unlike bash, stops at a bracket that matches no file."""
    for block in blocks(page):
        for line in block.splitlines():
            if re.match(r"\s*(?:codo|torchrun|python|make) ", line):
                for word in shlex.split(line, comments=True, posix=False):
                    assert not re.search(r"[\[*?]", re.sub(r"'[^']*'|\"[^\"]*\"", "", word)), f"{page}: quote {word}"


@pytest.mark.parametrize("page", ["README.md", "docs/methods.md"])
def test_pages_count_the_registered_methods(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.findall(r"\b(\d+)\s+\[?methods\b", text) == [str(len(METHODS))]


def test_the_table_of_methods_has_each_once() -> None:
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
    assert cells[0] == "`method=`"
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(METHODS)
