from codo.reporting.comparison import ap_table, comparison, gains_of, sentence, spread_table, values_of
from codo.reporting.html.blocks import Figures, Table


def result(ap: float, **more: float) -> dict[str, dict[str, float]]:
    return {"bbox": {"AP": ap, "AP50": 2 * ap, "APs": -1.0, **more}}


RESULTS = {"scratch": [result(0.10), result(0.12), result(0.14)], "CoDo": [result(0.15), result(0.18), result(0.15)]}


def test_mean_and_spread_over_the_seeds() -> None:
    table = spread_table(RESULTS, "bbox", "Boxes")
    assert table.columns == ["Start from", "Seeds", "AP", "AP 50", "AP small"]
    # scratch: deviations -2, 0, 2 points: sd 2; CoDo: 15, 18, 15: mean 16, deviations -1, 2, -1: sd sqrt(6 / 2) = 1.7
    assert table.rows[0] == ["scratch", "3", "12.0 ± 2.0", "24.0 ± 4.0", "–"]
    assert table.rows[1][2] == "16.0 ± 1.7"


def test_gains_are_taken_seed_by_seed() -> None:
    gains = gains_of(RESULTS, "bbox", "AP", "CoDo", "scratch")
    assert [round(gain, 6) for gain in gains] == [0.05, 0.06, 0.01]
    tables = [block for block in comparison(RESULTS, "scratch") if isinstance(block, Table)]
    assert tables[1].rows == [["CoDo", "+4.0 ± 2.6", "+8.0 ± 5.3", "–", "3 of 3"]]


def test_every_seed_is_said_aloud() -> None:
    figures = comparison(RESULTS, "scratch")[-1]
    assert isinstance(figures, Figures)
    assert figures.figures[0].alt == "Boxes, AP. scratch: 10.0, 12.0, 14.0; CoDo: 15.0, 18.0, 15.0."


def test_the_sentence_names_whoever_wins() -> None:
    assert sentence(RESULTS, "CoDo", "scratch") == (
        "CoDo comes out ahead: CoDo 16.0 ± 1.7, scratch 12.0 ± 2.0 box AP. "
        "That is +4.0 ± 2.6 points for CoDo, better with 3 of 3 seeds."
    )
    turned = {"CoDo": RESULTS["scratch"], "scratch": RESULTS["CoDo"]}
    assert sentence(turned, "CoDo", "scratch").startswith("scratch comes out ahead: CoDo 12.0")
    assert "−4.0" in sentence(turned, "CoDo", "scratch")


def test_the_sentence_says_when_it_is_undecided() -> None:
    split = {"a": [result(0.1), result(0.3)], "b": [result(0.2), result(0.1)]}
    assert sentence(split, "a", "b").startswith("Neither is ahead")
    assert sentence(split, "a", "b").endswith("take it as undecided.")
    two = {name: seeds[:2] for name, seeds in RESULTS.items()}
    assert sentence(two, "CoDo", "scratch").endswith("take it as undecided.")
    assert sentence({"a": []}, "a", "b") == "There is nothing to compare a with b by."


def test_minus_one_is_no_value() -> None:
    assert values_of([result(-1.0), result(0.5)], "bbox", "AP") == [0.5]
    assert gains_of({"a": [result(-1.0)], "b": [result(0.5)]}, "bbox", "AP", "a", "b") == []


def test_masks_are_shown_where_there_are_any() -> None:
    with_masks = {name: [{**seed, "segm": seed["bbox"]} for seed in seeds] for name, seeds in RESULTS.items()}
    captions = [block.caption for block in comparison(with_masks) if isinstance(block, Table)]
    assert [caption.split(":")[0] for caption in captions] == ["Boxes", "Masks"]
    assert comparison({}) == []


def test_the_twelve_numbers_in_their_order() -> None:
    table = ap_table({"Boxes": {"AR1": 0.2, "AP": 0.5, "APs": -1.0}, "Masks": {"AP": 0.4}})
    assert table.columns == ["", "AP", "AP small", "AR 1"]
    assert table.rows == [["Boxes", "50.0", "–", "20.0"], ["Masks", "40.0", "–", "–"]]
