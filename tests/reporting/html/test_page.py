"""Blocks to HTML: structure, escaping, and what the page may not do."""

import base64
import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.reporting.html.blocks import (
    Block,
    Card,
    Check,
    Code,
    Control,
    Details,
    Facts,
    Figure,
    Figures,
    Gallery,
    Numbers,
    Page,
    Picture,
    Section,
    Shape,
    Table,
    Text,
    Verdict,
)
from codo.reporting.html.page import render, write_page
from codo.reporting.html.plots import Line, curves

PIXEL = "data:image/jpeg;base64,AAAA"
EVIL = "\"'><script>alert(1)</script><img src=http://x onerror=y>.jpg"
ReadPage = Callable[[Path], Any]


def page_of(*blocks: Block, title: str = "run") -> Page:
    return Page(title, "test", "A lead with `code`.", [Section("One", blocks), Section("Empty", [])], "end")


def every_block(text: str) -> list[Block]:
    """One block of each kind with ``text`` wherever text can stand."""
    shape = Shape("truth", (1, 2, 30, 40), text, [[1, 1, 5, 5, 1, 5]], 0.5)
    picture = Picture(PIXEL, (100, 50), text, [shape], text)
    numbers = Numbers([text], [[text, 1.5]])
    figure = Figure(text, curves([Line(text, [1, 2], [3.0, 4.0]), Line("b", [1, 2], [3.0, 4.0])]), text, text, numbers)
    controls = [
        Control("search", text, "key"),
        Control("least", text, "key", span=(0, 5, 1, 2)),
        Control("choice", text, "key", [(text, text)]),
        Control("sort", text, options=[("key", text)]),
        Control("toggle", text, "truth", on=False),
        Control("score", text),
    ]
    return [
        Text([text]),
        Facts([(text, text, text)]),
        Verdict("bad", text, [Check(text, "watch", text, text)]),
        Figures([figure]),
        Table([text, text], [[text, text]], text),
        Code(text, text),
        Gallery([Card([picture], text, text, {"key": text})], text, [("truth", text)], controls),
        Details(text, [Text([text])]),
    ]


def test_every_block_is_shown(tmp_path: Path, read_page: ReadPage) -> None:
    page = read_page(write_page(page_of(*every_block("hello")), tmp_path / "page.html"))
    assert page.text.count("hello") >= 20
    assert page.tables == [[["hello", "hello"], ["hello", "hello"]]]
    assert [a["id"] for a in page.attributes("section")] == ["one"]
    (svg,) = [a for tag, a in page.tags if tag == "svg" and a.get("viewbox") == "0 0 100 50"]
    assert svg["aria-hidden"] == "true"
    rects = [a for tag, a in page.tags if tag == "rect" and a.get("x") == "1"]
    assert [(r["y"], r["width"], r["height"]) for r in rects] == [("2", "29", "38")] * 2  # halo and line


def test_hostile_text_stays_text(tmp_path: Path, read_page: ReadPage) -> None:
    page = read_page(write_page(page_of(*every_block(EVIL), title=EVIL), tmp_path / "page.html"))
    assert len(page.attributes("script")) == 1
    assert all(a["src"] == PIXEL for a in page.attributes("img"))
    assert page.text.count("alert(1)") >= 20


def test_the_only_script_is_the_one_that_the_policy_names() -> None:
    html = render(page_of(Text(["x"])))
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "img-src data:" in html


def test_code_between_backticks() -> None:
    assert "A lead with <code>code</code>." in render(page_of())
    assert "<code>&lt;b&gt;</code>" in render(page_of(Text(["`<b>`"])))


def test_long_names_may_break_where_they_can() -> None:
    assert "<dd>finetune_<wbr>laptop&lt;</dd>" in render(page_of(Facts([("a", "finetune_laptop<", "")])))


def test_the_same_page_gives_the_same_bytes() -> None:
    assert render(page_of(*every_block("a"))) == render(page_of(*every_block("a")))


def test_colors_follow_the_reader() -> None:
    html = render(page_of())
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_labels_stay_inside_their_picture(tmp_path: Path, read_page: ReadPage) -> None:
    """A bold sans-serif letter is about 0.6 of its height wide; the tall picture is shown as wide as the other."""
    for width, height in ((200, 100), (100, 200)):
        shapes = [Shape("missed", (x, 20, x + 90, 90), "bicycle 0.97 bkg") for x in (-5, 30, width - 20)]
        page = page_of(Gallery([Card([Picture(PIXEL, (width, height), "alt", shapes)])], ""))
        for label in read_page(write_page(page, tmp_path / "page.html")).attributes("text"):
            size, start = float(label["font-size"]), float(label["x"])
            assert size == 0.042 * width
            assert start > 0
            assert start + 0.6 * size * len("bicycle 0.97 bkg") < width


def palettes() -> list[dict[str, str]]:
    """The variables of the light and of the dark page, in linear RGB."""
    css = render(page_of()).split("<style>")[1].split("</style>")[0]
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in re.findall(r":root \{(.*?)\}", css, re.S)
    )
    return [light, {**light, **dark}]


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Ratio of WCAG 2."""
    dark, light = sorted(float(np.dot([0.2126, 0.7152, 0.0722], linear(color))) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, for the white of D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(to_xyz @ rgb / np.array([0.9505, 1.0, 1.089]), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISIONS = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
SERIES = [f"s{i}" for i in range(8)]
ERRORS = ["correct", "localization", "classification", "both", "duplicate", "background", "missed"]


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("names", [SERIES, ERRORS], ids=["series", "errors"])
def test_colors_of_figures_differ_for_everyone(names: list[str], vision: str) -> None:
    """At least 9 in CIELAB (a just noticeable difference is 2.3), without and with the kinds of color blindness."""
    for palette in palettes():
        seen = [lab(np.clip(np.array(VISIONS[vision]) @ linear(palette[name]), 0, 1)) for name in names]
        assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) >= 9


def test_text_and_figures_stand_out_from_the_page() -> None:
    """AA for text: curves are named in their colors."""
    for palette in palettes():
        for name in (*SERIES, *ERRORS, "ink", "muted", "link", "good", "watch", "bad", "unknown"):
            assert contrast(palette[name], palette["paper"]) >= 4.5, name
