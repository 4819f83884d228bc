"""AP against labeled images as a figure."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from codo.reporting.html.label_efficiency import Trend, label_efficiency


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def trend(name: str, means: list[float], spread: float = 1.0) -> Trend:
    images = [100, 1000, 10_000][: len(means)]
    dots = [(n, mean + d) for n, mean in zip(images, means, strict=True) for d in (-spread, spread)]
    return Trend(name, images, means, [spread] * len(means), dots)


def test_curves_are_named_over_the_counts_that_were_measured() -> None:
    svg = label_efficiency([trend("none", [5.0, 20.0, 30.0]), trend("<codo>", [12.0, 25.0])])
    found = texts(svg)
    assert {"none", "<codo>", "100", "1k", "10k", "labeled images"} <= set(found)
    assert "<codo" not in svg
    assert svg == label_efficiency([trend("none", [5.0, 20.0, 30.0]), trend("<codo>", [12.0, 25.0])])


def test_labels_are_on_a_logarithmic_axis() -> None:
    """From 100 to 1,000 images is as far as from 1,000 to 10,000."""
    svg = ET.fromstring(label_efficiency([trend("none", [5.0, 20.0, 30.0], spread=0.0)]))
    lines = [path.get("d", "").split() for path in svg.iter("path") if "stroke-width: 1.8" in path.get("style", "")]
    (curve,) = [line for line in lines if line.count("L") == 2]
    x = [float(curve[i]) for i in (1, 4, 7)]
    assert abs((x[1] - x[0]) - (x[2] - x[1])) < 0.05


def test_a_band_does_not_go_below_zero() -> None:
    wide = Trend("codo", [100, 1000], [1.0, 2.0], [9.0, 9.0], [(100, 1.0), (1000, 2.0)])
    assert not any(text.startswith("−") for text in texts(label_efficiency([wide])))
