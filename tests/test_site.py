"""The site: links of its pages, the check of the built HTML, and that the reference has every public name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import codo
from codo.methods.base import Method

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of docs/ can be imported: it is no package."""
    monkeypatch.syspath_prepend(DOCS)


@pytest.mark.parametrize(
    ("page", "written", "read"),
    [
        ("README.md", "[m](docs/method.md#box-jitter)", "[m](method.md#box-jitter)"),
        ("README.md", "![o](docs/images/overview.png)", "![o](images/overview.png)"),
        ("README.md", "[c](CONTRIBUTING.md)", "[c](contributing.md)"),
        ("README.md", "[l](LICENSE)", "[l](path:../LICENSE)"),
        ("docs/methods.md", "[r](../README.md#honest-numbers)", "[r](index.md#honest-numbers)"),
        ("docs/methods.md", "[m](method.md), [h](#here)", "[m](method.md), [h](#here)"),
        ("docs/how-to/tables.md", "[r](../../src/codo/cli.py)", "[r](path:../../src/codo/cli.py)"),
        ("docs/how-to/tables.md", "[s](../../SECURITY.md)", "[s](../security.md)"),
        ("docs/method.md", "[k](https://keepachangelog.com/en/1.1.0/)", "[k](https://keepachangelog.com/en/1.1.0/)"),
        ("docs/method.md", '| <a id="a1"></a>A1 |', "| []{#a1}A1 |"),
    ],
)
def test_links_of_a_code_host_are_those_of_the_site(page: str, written: str, read: str) -> None:
    assert import_module("site_links").rewrite(written, DOCS.parent / page) == read


GOOD = """<html id="top"><head><link rel="stylesheet" href="_static/a.css?v=1"></head>
<a href="sub/other.html#there">x</a><a href="#top">x</a><a href="https://example.org/">x</a>
<img src="a%20b.png" alt=""><img src="data:image/png;base64,AA" alt=""></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site without a fault."""
    for folder in ("_static", "sub"):
        (tmp_path / folder).mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "sub/other.html").write_text('<p id="there"><a href="../index.html">x</a></p>')
    (tmp_path / "_static/a.css").write_text("p { background: url('../a b.png') }")
    (tmp_path / "a b.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('<a href="gone.html">x</a>', "leads to no file"),
        ('<a href="sub/">x</a>', "leads to no file"),
        ('<a href="sub/other.html#gone">x</a>', "leads to no such place"),
        ('<a href="#gone">x</a>', "leads to no such place"),
        ('<img src="gone.png" alt="">', "leads to no file"),
        ('<img src="a%20b.png">', "has no text (alt)"),
        ('<img src="a%20b.png" alt="a%20b.png">', "has no text (alt)"),
        ('<img srcset="a%20b.png 1x, gone.png 2x" alt="">', "leads to no file"),
        ('<script src="https://cdn.example.org/a.js"></script>', "is loaded from another host"),
        ('<link rel="stylesheet" href="//fonts.example.org/a.css">', "is loaded from another host"),
        ('<p style="background: url(https://example.org/a.png)">x</p>', "is loaded from another host"),
    ],
)
def test_a_broken_link_of_the_built_site_is_told(site: Path, changed: str, said: str) -> None:
    check = import_module("check_site")
    assert list(check.problems(site)) == []
    (site / "index.html").write_text(GOOD + changed)
    (found,) = check.problems(site)
    assert found.startswith("index.html: ")
    assert found.endswith(said)


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    (site / "_static/a.css").write_text("@import 'https://example.org/a.css'; p { src: url(gone.woff) }")
    assert list(import_module("check_site").problems(site)) == [
        "_static/a.css: https://example.org/a.css is loaded from another host",
        "_static/a.css: gone.woff leads to no file",
    ]


def test_the_reference_has_every_public_name() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    documented = {line.split()[-1] for line in page.splitlines() if line.startswith(".. auto") and "::" in line}
    assert set(codo.__all__) - documented == set()
    assert {Method.__name__, "Target", "StepDataset"} <= documented
