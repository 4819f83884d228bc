from __future__ import annotations

import json
from dataclasses import replace

import pytest

from codo.comparison.comparison import Comparison
from codo.comparison.initializations import Initialization
from codo.comparison.page import comparison_page
from codo.comparison.pretraining_costs import PretrainingCost
from codo.comparison.probe_ranking import probe_ranking
from codo.comparison.result_files import as_json
from codo.reporting.html.page import render
from tests.comparison.test_comparison import make_comparison
from tests.reporting.conftest import Html

PRETRAINED = ("a", "b", "c", "d", "e", "f")
AP = dict(zip(PRETRAINED, (0.10, 0.20, 0.30, 0.40, 0.50, 0.60), strict=True))
FPN = dict(zip(PRETRAINED, (0.2, 0.3, 0.5, 0.5, 0.6, 0.9), strict=True))  # a tie
INVARIANCE = dict(zip(PRETRAINED, (0.9, 0.8, 0.7, 0.6, 0.5, 0.4), strict=True))
TITLE = "Which probe predicts AP here"


def comparison(inits: tuple[str, ...] = PRETRAINED) -> Comparison:
    """Random weights with the best AP, which have no probe, and trunks with two probes; a third is missing for one."""
    initializations = {name: Initialization((), {name: ""}) for name in ("none", *inits)}
    values = {(init, 1.0, seed): AP[init] + shift for init in inits for seed, shift in ((0, -0.05), (1, 0.05))}
    values |= {("none", 1.0, seed): 0.99 for seed in (0, 1)}
    found = make_comparison(values, seeds=(0, 1), initializations=initializations)
    costs = {}
    for init in inits:
        scores = {"probe/roi/fpn/linear": FPN[init], "invariance": INVARIANCE[init], "probe/roi/chance": 0.1}
        scores |= {"probe/roi/backbone/knn": FPN[init]} if init != "c" else {}
        costs[init] = PretrainingCost(10, 2, 4.0, 100.0, "here", scores)
    return replace(found, costs=costs)


def test_probes_are_ranked_against_the_mean_ap() -> None:
    found = probe_ranking(comparison())
    assert list(found) == ["probe/roi/fpn/linear", "invariance"]  # of the backbone's only five are known
    # Distances of the FPN's ranks from their mean: -2.5 -1.5 0 0 1.5 2.5, of AP's: -2.5 -1.5 -.5 .5 1.5 2.5.
    assert found["probe/roi/fpn/linear"].value == pytest.approx(17 / (17 * 17.5) ** 0.5)
    assert found["invariance"].value == pytest.approx(-1)
    assert {one.count for one in found.values()} == {6}


def test_page_and_document_have_the_ranking() -> None:
    whole = comparison()
    page = Html(render(comparison_page(whole, "mine", {})))
    page.check()
    assert TITLE in page.text
    assert "ranks noise" not in page.text
    table = next(table for table in page.tables if table[0][:2] == ["Probe", "Spearman"])
    low, high = probe_ranking(whole)["probe/roi/fpn/linear"].interval
    assert table[1] == ["FPN, linear on boxes", "+0.99", f"{low:+.2f} to {high:+.2f}", "6"]
    assert table[2] == ["Background invariance", "-1.00", "-1.00 to -1.00", "6"]
    ranking = json.loads(as_json(whole))["probe_ranking"]
    assert ranking["invariance"] == pytest.approx({"spearman": -1, "low": -1, "high": -1, "initializations": 6})
    assert ranking["probe/roi/fpn/linear"]["low"] == pytest.approx(low)


def test_ap_near_zero_ranks_noise() -> None:
    whole = comparison()
    numbers = {key: {"bbox": {"AP": one.numbers["bbox"]["AP"] / 200}} for key, one in whole.results.items()}
    poor = {key: replace(one, numbers=numbers[key]) for key, one in whole.results.items()}
    page = Html(render(comparison_page(replace(whole, results=poor), "mine", {})))
    assert "All AP are below 1, so this ranks noise." in page.text


def test_few_or_no_probes_have_no_section() -> None:
    for few in (comparison(PRETRAINED[:5]), replace(comparison(), costs={})):
        assert probe_ranking(few) == {}
        assert TITLE not in Html(render(comparison_page(few, "mine", {}))).text
        assert "probe_ranking" not in json.loads(as_json(few))
