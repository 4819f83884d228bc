import math

from codo.evaluation.run_metrics import Metrics


def test_rows_are_sorted_and_a_step_counts_once() -> None:
    metrics = Metrics([{"step": 2, "lr": 0.2}, {"step": 1, "lr": 0.1}, {"step": 2, "lr": 0.3}, {"lr": 9.0}])
    assert metrics.series("lr").steps == [1, 2]
    assert metrics.series("lr").values == [0.1, 0.3]
    assert metrics.last_step == 2


def test_a_series_has_only_the_rows_with_its_key() -> None:
    metrics = Metrics(
        [{"step": 1, "loss": 1.0}, {"step": 2, "ap/bbox/AP": 0.5, "loss": None}, {"step": 3, "loss": "?"}]
    )
    loss = metrics.series("loss")
    assert loss.steps == [1, 2]
    assert math.isnan(loss.values[1])
    assert metrics.last("loss") == 1.0
    assert metrics.series("ap/bbox/AP").steps == [2]
    assert metrics.last("missing") is None


def test_names_are_what_follows_the_group() -> None:
    metrics = Metrics([{"step": 1, "loss/P3": 1, "loss": 2}, {"step": 2, "loss/P2": 1, "losses/P9": 1}])
    assert metrics.names("loss") == ["P2", "P3"]


def test_the_end_is_the_mean_of_the_last_tenth() -> None:
    metrics = Metrics({"step": i, "x": float(i)} for i in range(100))
    assert metrics.series("x").end == 94.5
    assert metrics.series("x").mean(0.0, 0.1) == 4.5
    assert Metrics([{"step": 1, "x": 7.0}]).series("x").end == 7.0
    assert Metrics([{"step": 1, "x": None}]).series("x").end is None
    assert Metrics([]).series("x").end is None


def test_alarms_keep_their_steps_and_order() -> None:
    rows = [{"step": 1, "alarms": ["b"]}, {"step": 2, "alarms": ["a", "b"]}, {"step": 3, "alarms": None}, {"step": 4}]
    assert Metrics(rows).alarms() == {"b": [1, 2], "a": [2]}
    assert list(Metrics(rows).alarms()) == ["b", "a"]


def test_time_is_what_the_laps_add_up_to() -> None:
    rates = {10: 50.0, 15: None, 20: 100.0, 30: 0.0}
    rows = [{"step": step, "time/images_per_s": rate} for step, rate in rates.items()]
    assert Metrics([{"step": 0, "invariance": 0.1}, *rows]).seconds(8) == 10 * 8 / 50 + 5 * 8 / 100
    assert Metrics([]).seconds(8) == 0.0
