from __future__ import annotations

import pytest

from codo.tables.latex import booktabs, escape, mean_spread, measure


def test_a_tabular_has_its_rules_and_as_many_trials_as_columns() -> None:
    lines = booktabs("lcc", ["", "a", "b"], [[["x", "1", "2"]], [["y", "3", "4"], ["z", "5", "6"]]])
    assert lines == [
        r"\begin{tabular}{lcc}",
        r"\toprule",
        r" & a & b \\",
        r"\midrule",
        r"x & 1 & 2 \\",
        r"\midrule",
        r"y & 3 & 4 \\",
        r"z & 5 & 6 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_names_may_have_any_character() -> None:
    assert escape("a_b & 50% #1 {x} ~^\\ $") == (
        r"a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{} \$"
    )
    assert escape("moco_v2") == r"moco\_v2"


def test_heads_are_those_of_the_paper() -> None:
    assert measure("bbox", "AP") == r"$\mathrm{AP}^{bb}$"
    assert measure("segm", "AP75") == r"$\mathrm{AP}^{mk}_{75}$"


@pytest.mark.parametrize(
    ("values", "text"),
    [((0.4123, 0.0031), r"41.2 {\scriptsize$\pm$0.3}"), ((0.4123, None), "41.2"), ((None, None), "--")],
)
def test_means_with_a_small_spread(values: tuple[float | None, float | None], text: str) -> None:
    assert mean_spread(*values) == text
