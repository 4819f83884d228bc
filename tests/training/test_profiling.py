"""Where the time of a step goes; and that looking changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

from codo.core.run import Run
from codo.methods.base import STAGE
from codo.training.profiling import Share, Span, shares
from tests.training import tiny


def test_a_stage_counts_without_the_stages_inside_it() -> None:
    stages = [
        Span(STAGE + "forward", 10, 50),
        Span(STAGE + "keys", 20, 40),
        Span(STAGE + "backward", 50, 90),
        Span(STAGE + "forward", 110, 120),
    ]
    assert shares(stages, []) == [Share("forward", 30, 0), Share("keys", 20, 0), Share("backward", 40, 0)]


def test_a_kernel_counts_where_it_was_launched() -> None:
    stages = [Span(STAGE + "forward", 0, 50), Span(STAGE + "keys", 20, 40), Span(STAGE + "backward", 50, 60)]
    launches = [
        Span("conv", 25, 26, device=300),  # within both: the inner one
        Span("relu", 40, 41, device=5),  # the inner one has just ended
        Span("conv_backward", 55, 56, device=700),  # of another thread, while the host waits in backward
        Span("copy", 70, 71, device=9),  # in no stage
    ]
    assert {share.name: share.device for share in shares(stages, launches)} == {
        "forward": 5,
        "keys": 300,
        "backward": 700,
    }


def test_profiled_runs_compute_the_same(catalog: Path, tmp_path: Path) -> None:
    with_it, without = tmp_path / "with", tmp_path / "without"
    done = tiny.run(tiny.settings(catalog, with_it, steps=5, probe=None, **{"log.profile": True}))
    assert done.returncode == 0, done.stderr
    assert tiny.run(tiny.settings(catalog, without, steps=5, probe=None)).returncode == 0
    tiny.assert_same_state(tiny.final_state(with_it), tiny.final_state(without))
    assert tiny.timeless(Run(with_it).metrics()) == tiny.timeless(Run(without).metrics())

    marks = [event["name"] for event in json.loads((with_it / "trace.json").read_text())["traceEvents"]]
    for stage in ("data wait", "query", "keys", "contrast", "backward", "optimizer", "EMA, queue"):
        assert marks.count(STAGE + stage) == 2, stage  # five steps, of which three warm up
        assert f"  {stage} " in (with_it / "train.log").read_text()
    assert "profile of 2 steps" in done.stderr
    assert not (without / "trace.json").exists()
