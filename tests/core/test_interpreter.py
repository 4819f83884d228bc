"""Garbage collection is as before afterwards; a program ends with what must be done, and nothing else."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from codo.core.interpreter import without_collection


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_is_as_before_afterwards(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with suppress(KeyError), without_collection():
            with without_collection():
                assert not gc.isenabled()
            assert not gc.isenabled()  # the inner one leaves it to the outer one
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(("program", "kept"), [("keep_imports(); ", True), ("", False)])
def test_only_in_programs_collection_passes_over_what_imports_leave(program: str, kept: bool) -> None:
    """Elsewhere garbage that exists at the time of an import would stay for good."""
    code = f"""if True:
        import gc
        from codo.core.interpreter import importing, keep_imports
        {program}
        class Knot: pass
        def knot():
            one = Knot()
            one.itself = one
        gc.collect()
        at_start = gc.get_freeze_count()
        with importing():
            with importing():
                knot()
            assert not gc.isenabled() and gc.get_freeze_count() == at_start
            import decimal
        assert gc.isenabled()
        assert (gc.get_freeze_count() > at_start + 1000) is {kept}
        assert (gc.collect() == 0) is {kept}
        knot()
        assert gc.collect() > 0
    """
    subprocess.run([sys.executable, "-c", code], check=True)


BUFFERED = os.environ | {"PYTHONUNBUFFERED": ""}

LEFT_FOR_THE_END = """if True:
    import atexit, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from codo.core.interpreter import end_program

    class Part:
        def __del__(self):
            print("taken apart")

    part = Part()
    atexit.register(print, "registered")
    print("before")
    ThreadPoolExecutor().submit(print, "submitted")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
    end_program(7)
    print("returned")
"""


def test_threads_and_registered_functions_are_waited_for_and_nothing_is_taken_apart(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_FOR_THE_END],
        cwd=tmp_path,
        env=BUFFERED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines() == ["before", "submitted", "thread", "registered"]


@pytest.mark.parametrize(
    "before",
    [
        "sys.setprofile(lambda *_: None)",
        "sys.settrace(lambda *_: None)",
        "threading.Timer(0.5, lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(0.5))).start()",
    ],
    ids=["profiler", "debugger", "ctrl_c"],
)
def test_where_more_is_to_do_the_interpreter_ends_in_its_own_way(tmp_path: Path, before: str) -> None:
    code = f"""if True:
        import os, signal, sys, threading, time
        from codo.core.interpreter import end_program
        {before}
        end_program(7)
        print("returned")
        sys.exit(7)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "returned\n", "")


def test_without_a_reader_the_interpreter_ends_as_usual(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from codo.core.interpreter import end_program
        print("a line")
        end_program(7)
        print("returned", file=sys.stderr)
        sys.exit(7)
    """
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=BUFFERED,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr.startswith("returned\n")
    assert "Traceback" not in done.stderr
    assert done.returncode == 120  # Python's own code for output that it could not write


def test_without_an_output_the_exit_code_stays(tmp_path: Path) -> None:
    code = "import sys; sys.stdout = None; from codo.core.interpreter import end_program; end_program(7); sys.exit(1)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")


def test_the_command_line_ends_in_this_way_and_imports_without_collection(tmp_path: Path) -> None:
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text(
        "from codo.core.lazy import lazy_exports\n"
        "__getattr__, __dir__, __all__ = lazy_exports(__name__, {'was': 'part'})\n"
    )
    (tmp_path / "slow_package" / "part.py").write_text("import gc\nwas = gc.isenabled()\n")
    code = """if True:
        import gc, sys
        from codo import cli
        import slow_package

        class Part:
            def __del__(self):
                print("taken apart")

        part = Part()
        cli.VERBS["doctor"] = lambda args: print(slow_package.was, gc.isenabled(), gc.get_freeze_count() > 1000)
        sys.argv[1:] = ["doctor"]
        sys.exit(cli.program())
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False True True\n", "")
