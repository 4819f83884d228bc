"""Pages in headless Chromium: hostile names run no script, controls work, and axe-core finds no violations."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from benchmarks.accessibility import axe_source, violations
from benchmarks.browser import MISSING, chromium, document

from codo.advice.answer import Answer, Suggestion
from codo.core.run import Run
from codo.evaluation.run_metrics import Metrics
from codo.reporting.html.blocks import Page
from codo.reporting.html.page import render, write_page
from codo.reporting.report import run_report
from codo.reporting.view import view
from tests.reporting.conftest import (
    BOXES,
    KEYS,
    SIZES,
    finetune_config,
    finetune_rows,
    labeled_set,
    views_config,
    write_detections,
)
from tests.reporting.html.test_page import every_block, page_of

pytestmark = pytest.mark.skipif(chromium() is None, reason=MISSING)

# Each would set the title of the document if it ran: as an element, out of an attribute, out of a script or a style.
HOSTILE = [
    "<img src=x onerror=document.title='run'>",
    "\"><svg onload=document.title='run'>",
    "' onmouseover=document.title='run' autofocus onfocus=document.title='run' x='",
    "</script><script>document.title='run'</script>",
    "</style><script>document.title='run'</script>",
    "javascript:document.title='run'",
    "`</code><script>document.title='run'</script>",
]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def title(html: str) -> str:
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_script_of_a_name_runs(name: str, tmp_path: Path) -> None:
    """Names of runs, files, classes and settings stand in every place of every block."""
    page = page_of(*every_block(name), title=name)
    answer = Answer("good", name, [Suggestion("nothing", name, name)])
    page = Page(page.title, name, name, page.sections, name, answer)
    html = document(write_page(page, tmp_path / "page.html").as_uri())
    assert title(html) == f"{name} · {name}"


def test_the_policy_stops_what_escaping_would_let_through(tmp_path: Path) -> None:
    """The second line of defense: a script put into the page as it is does not run; without a policy it does."""
    html = render(page_of(title="title")).replace("</main>", "<script>document.title = 'run'</script></main>")
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    assert title(document(page.as_uri())) == "title · test"
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", html), encoding="utf-8")
    assert title(document(page.as_uri())) == "run"


def test_hostile_classes_and_files_of_detections(tmp_path: Path) -> None:
    file = labeled_set(tmp_path, images=6, found=4, classes=HOSTILE[:3])
    html = document(view(file, {"val": str(tmp_path / "val.json"), "val_images": str(tmp_path)}).as_uri())
    assert title(html) == "found.json · CoDo detections"
    assert "6 of 6 shown" in html  # our own script has run


def test_hostile_files_of_a_catalog_and_name_of_a_run(
    make_run: MakeRun, make_catalog: Callable[..., Path], healthy: Rows
) -> None:
    folder = make_catalog("photos", HOSTILE[:3], SIZES, BOXES, rejected=1)
    (folder / "rejected.csv").write_text(f'key,reason\n"{HOSTILE[3]}",corrupt: {HOSTILE[0]}\n')
    assert title(document(view(folder).as_uri())) == "photos · CoDo catalog"
    name = HOSTILE[0].replace("/", "")
    run = make_run(healthy, views_config(folder, folder), "pretrain", name)
    page = write_page(run_report(run), folder.parent / "page.html")
    assert "Content-Security-Policy" in page.read_text()
    assert title(document(page.as_uri())).startswith(name)


@functools.cache
def axe() -> str:
    """axe-core, or a skip where it cannot be had."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            return axe_source(Path(folder))
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"npm cannot provide axe-core: {type(error).__name__}")


@pytest.fixture
def pages(make_run: MakeRun, make_catalog: Callable[..., Path], labeled: Path, healthy: Rows) -> dict[str, Path]:
    """A page of each kind with everything on it."""
    foregrounds = make_catalog("fg", KEYS, SIZES, BOXES, rejected=1)
    backgrounds = make_catalog("bg", KEYS[:1], SIZES[:1])
    healthy[-1] |= {"invariance": 0.4, "invariance_chance": 0.07, "alarms": ["Something is slow."]}
    pretrained = make_run(healthy, views_config(foregrounds, backgrounds))
    finetuned = make_run(finetune_rows(), finetune_config(labeled), "finetune", "finetuned")
    write_detections(finetuned)
    folder = pretrained.path.parent
    assert Metrics(pretrained.metrics()).last("invariance")
    return {
        "pretraining": write_page(run_report(pretrained), folder / "pretraining.html"),
        "finetuning": write_page(run_report(finetuned), folder / "finetuning.html"),
        "views": view(pretrained.path),
        "catalog": view(foregrounds),
        "detections": view(finetuned.path),
    }


@pytest.mark.parametrize("kind", ["pretraining", "finetuning", "views", "catalog", "detections"])
def test_pages_are_accessible(pages: dict[str, Path], kind: str) -> None:
    for dark, width in ((False, 1280), (True, 390)):
        assert [str(one) for one in violations(pages[kind], axe(), dark=dark, width=width)] == []


def test_violations_are_found(tmp_path: Path) -> None:
    """The check can fail: a picture without a text, gray on white, a heading left out."""
    page = tmp_path / "page.html"
    bad = '<!doctype html><html lang="en"><title>t</title><main><h1>one</h1><h3>three</h3><img src="data:,">'
    page.write_text(f'{bad}<p style="color: #ccc; background: #fff">faint</p></main></body>', encoding="utf-8")
    found = {one.rule for one in violations(page, axe())}
    assert {"image-alt", "color-contrast", "heading-order"} <= found
