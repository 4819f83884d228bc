"""Kill, go on, kill, go on, …, until the command has ended; then compare what it left with an undisturbed run."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path

from benchmarks.endurance import contents, processes
from benchmarks.endurance.cases import Case, cases, make_inputs
from benchmarks.endurance.faults import FAULTS, FULL, Bench, Disk, Undisturbed, strike
from benchmarks.endurance.record import Record, Row

LONGEST = 5
"""Faults in a row, before a command is left alone."""
FRESH = 10
"""Every tenth chain is of fresh Pythons."""


class Harness:
    """All commands, their inputs and undisturbed runs.

    Args:
        out: The folder of everything, ``kills.jsonl`` among it.
        seed: Of all moments.
        commit: Of the source that is tested.
    """

    def __init__(self, out: Path, seed: int, commit: str) -> None:
        self.out, self.seed, self.commit = out, seed, commit
        out.mkdir(parents=True, exist_ok=True)
        self.record = Record(out / "kills.jsonl")
        self.inputs = out / "inputs"
        self.disk = Disk(out / "disk")
        processes.adopt_orphans()

    def run(self, only: str | None = None, most: int | None = None) -> None:
        """Go on until every case has the kills of the plan.

        Args:
            only: The name of the only case to run.
            most: Kills of each case, if fewer than planned.
        """
        self._inputs()
        chosen = [case for case in cases() if only in (None, case.name)]
        undisturbed = {case.name: self._undisturbed(case) for case in chosen}
        while left := [case for case in chosen if self._done(case) < min(case.kills, most or case.kills)]:
            case = min(left, key=lambda one: self._done(one) / one.kills)  # all progress together
            self._chain(case, undisturbed[case.name])
        self.disk.close()

    def _done(self, case: Case) -> int:
        return sum(row["case"] == case.name for row in self.record.counted())

    def _inputs(self) -> None:
        if self.inputs.is_dir():
            return
        begun = self.inputs.with_name("inputs.begun")
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir()
        # In a process of its own, so that this one starts no thread; under the final name, which runs record.
        code = processes.run_apart(lambda: make_inputs(self.inputs), self.out / "inputs.log")
        if code:
            shutil.rmtree(self.inputs, ignore_errors=True)
            raise SystemExit(f"the inputs could not be made: see {self.out / 'inputs.log'}")
        begun.rmdir()

    def _bench(self, case: Case, fresh: bool) -> Bench:
        folder = str(self.disk.folder)
        words = [word.replace("OUT/", f"{folder}/").replace("IN/", f"{self.inputs}/") for word in case.arguments]
        return Bench(case, words, self.inputs, self.disk, self.out / "command.log", fresh)

    def _undisturbed(self, case: Case) -> Undisturbed:
        """Run a command undisturbed, forked and fresh, unless it is recorded for this commit."""
        file = self.out / "undisturbed" / f"{case.name}.json"
        if file.is_file():
            processes.import_modules(file.with_suffix(".modules"))
            return Undisturbed(**json.loads(file.read_text(encoding="utf-8")))
        print(f"undisturbed: {case.name}", flush=True)
        found: list[dict[str, str]] = []
        cpu = {False: 0.0, True: 0.0}
        size = 0
        for fresh in (False, False, True):  # the first one tells which modules to import before forking
            self.disk.clear()
            bench = self._bench(case, fresh)
            process = bench.start()
            while not process.wait(0.002):
                cpu[fresh] = max(cpu[fresh], process.cpu())
            if process.code:
                raise SystemExit(f"{case.name} fails undisturbed:\n{process.output()}")
            processes.left_behind(10)
            found.append(contents.digests(self.disk.folder))
            size = self.disk.used()
            if not fresh:
                processes.import_modules(bench.log.with_suffix(".modules"))
                cpu[False] = 0.0 if len(found) == 1 else cpu[False]
        for other in found[1:]:
            if wrong := contents.differences(found[0], other):
                raise SystemExit(f"{case.name} does not repeat itself: {wrong}")
        changes = int(bench.log.with_suffix(".changes").read_text())
        result = Undisturbed(cpu[False], cpu[True], changes, size, found[0])
        kept = self.out / "undisturbed" / case.name
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.disk.folder, kept)
        shutil.copy(bench.log.with_suffix(".modules"), file.with_suffix(".modules"))
        file.write_text(json.dumps(asdict(result)), encoding="utf-8")
        return result

    def _chain(self, case: Case, undisturbed: Undisturbed) -> None:
        """One chain of faults."""
        number = self.record.chains()
        rng = random.Random(f"{self.seed} {number}")
        bench = self._bench(case, fresh=number % FRESH == FRESH - 1)
        faults = [fault for fault in FAULTS if fault != FULL or self.disk.mounted]
        turn = self._done(case)
        self.disk.clear()
        rows: list[Row] = []
        violations: list[str] = []
        for kill in range(rng.randint(1, LONGEST)):
            fault = faults[(turn + kill) % len(faults)]
            outcome = strike(bench, fault, undisturbed, rng)
            wrong = [*outcome.violations, *_rude(outcome.message), *contents.half_written(self.disk.folder)]
            violations += [f"{fault} at {outcome.moment}: {one}" for one in wrong]
            if outcome.hit:
                about = {"chain": number, "case": case.name, "kill": kill, "fault": fault, "fresh": bench.fresh}
                rows.append({**about, **outcome.row(), "commit": self.commit})
            if not outcome.hit or wrong:
                break
        if not rows and not violations:
            self.record.add({"chain": number, "case": case.name, "missed": True})
            return
        violations += self._compare(bench, undisturbed)
        if violations:
            shutil.copytree(self.disk.folder, self.out / "violations" / str(number))
        self.record.add(
            *rows,
            {"chain": number, "case": case.name, "compared": True, "violations": violations, "commit": self.commit},
        )
        kills = len(self.record.counted())
        print(f"{kills} kills; chain {number}, {case.name}: {len(rows)} kills {violations or ''}", flush=True)

    def _compare(self, bench: Bench, undisturbed: Undisturbed) -> list[str]:
        """Run the command to its end, and compare."""
        process = bench.start()
        if not process.ends():
            processes.end_left_behind()
            return [f"the last run hangs: {process.output()[-500:]}"]
        if process.code:
            return [f"the last run ends with {process.code}: {process.output()[-700:]}"]
        left = processes.left_behind(60)
        if left:
            processes.end_left_behind()
        try:
            wrong = contents.differences(undisturbed.digests, contents.digests(self.disk.folder))
        except ValueError as error:
            wrong = [str(error)]
        return [*(f"left behind: {one}" for one in left), *wrong]


def _rude(message: str) -> list[str]:
    """Messages that no user should see."""
    return [f"message: {message}"] if "unexpected" in message or "Traceback" in message else []
