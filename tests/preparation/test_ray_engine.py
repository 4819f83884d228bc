"""Preparing on Ray: a real one, on this machine, started once for this file."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from codo.core.errors import CodoError, InputError
from codo.preparation import engines, ray_engine
from codo.preparation.manifest import read_manifest
from codo.preparation.prepare import prepare
from codo.preparation.ray_engine import Unseen, process_chunk
from tests.catalog.pictures import jpegs, write_folder
from tests.preparation.catalogs import files, quick, rejected

ray = pytest.importorskip("ray")


class Cluster(NamedTuple):
    """Address and folder of a Ray that runs."""

    address: str
    session: str


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster to which this process is connected."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(ray_engine.ADDRESS, raising=False)
        patch.setenv("RAY_worker_niceness", "0")  # 15 is little beside other tests
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # instead of a file in the home folder
        folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # its sockets need short paths
        context = ray.init(
            num_cpus=2,
            object_store_memory=ray_engine.STORE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
        )
        try:
            yield Cluster(context.address_info["gcs_address"], context.address_info["session_dir"])
        finally:
            ray.shutdown()
            shutil.rmtree(folder)
            os.environ.pop("RAY_AUTH_MODE", None)  # Ray sets it


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "s", jpegs(24))


def on_ray(source: Path, out: Path, **options: Any) -> Any:
    return quick(source, out, **{"engine": "ray", "jobs": None} | options)


def command(source: Path, out: Path, address: str) -> subprocess.Popen[str]:
    """``codo prepare`` as a process group of its own; only its errors are kept."""
    arguments = ["prepare", str(source), "--out", str(out), "--no-proposals", "--engine", "ray"]
    return subprocess.Popen(
        [sys.executable, "-m", "codo.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {ray_engine.ADDRESS: address},
        start_new_session=True,
    )


def processes(*words: str) -> list[int]:
    """Processes whose command lines have all of the words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:  # it has ended
            continue
        if all(word in line for word in words):
            found.append(int(path.parent.name))
    return found


def tasks(session: str) -> list[int]:
    """Workers of a Ray that are processing a chunk."""
    raylets = processes("raylet/raylet", session)
    return [one for one in processes("ray::process_chunk") if _parent(one) in raylets]


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[1])
    except OSError:
        return 0


@pytest.mark.parametrize("options", [{}, {"pack": 48}, {"propose": True}, {"jobs": 1}])
def test_the_catalog_is_that_of_the_local_engine(cluster: Cluster, source: Path, options: dict[str, Any]) -> None:
    quick(source, source.parent / "local", **options)
    on_ray(source, source.parent / "ray", **options)
    assert files(source.parent / "ray") == files(source.parent / "local")


def test_the_chunk_of_a_killed_worker_is_done_again(
    cluster: Cluster, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while not killed and time.monotonic() < end:
            for process in tasks(cluster.session):
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    on_ray(source, source.parent / "ray", propose=True)
    killer.join()
    assert capsys.readouterr() == ("", "")  # Ray tells the driver of the death
    quick(source, source.parent / "local", propose=True)
    assert len(killed) >= 1
    assert files(source.parent / "ray") == files(source.parent / "local")


def test_a_file_that_is_gone_for_all_is_rejected(
    cluster: Cluster, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engines.run

    def after_a_file_is_gone(*arguments: Any) -> Any:
        (source / "003.jpg").unlink()
        return run(*arguments)

    monkeypatch.setattr(engines, "run", after_a_file_is_gone)
    assert len(on_ray(source, source.parent / "out", max_rejected=0.5)) == 23
    assert rejected(source.parent / "out") == {"003.jpg": "missing: no such file"}


# What /proc/self/cwd is differs between this process, which changes its folder, and the workers: as with a disk that
# not all nodes have.
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_node_that_does_not_see_the_source_rejects_nothing(
    cluster: Cluster, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    out = source.parent / "out"
    with pytest.raises(CodoError, match="a Ray node cannot read 8 of the source's files that are readable here") as one:
        on_ray(Path("/proc/self/cwd/s"), out)
    assert "file system that all nodes share" in one.value.fix
    assert not list((out / ".work").glob("part-*"))
    local = quick(Path("/proc/self/cwd/s"), out)  # the same command, where the source is seen
    assert len(local) == 24


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_node_that_does_not_see_the_catalog_is_told(
    cluster: Cluster, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    out = Path("/proc/self/cwd/out")
    with pytest.raises(CodoError, match="a Ray node cannot read the catalog's directory: No such file") as caught:
        on_ray(source, out)
    assert caught.value.where.startswith(f"{out} on ")
    assert len(on_ray(source, source.parent / "out")) == 24


def test_parts_that_stay_invisible_are_told(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a node that has a copy of the catalog's directory."""
    with pytest.raises(CodoError):
        quick(write_folder(source, {"bad.jpg": b"not one"}), tmp_path / "out", max_rejected=0)
    manifest = read_manifest(tmp_path / "out")
    done = [index for index in range(len(manifest)) if manifest.report(index)]
    ray_engine._wait_until_seen(manifest, done)
    monkeypatch.setattr(ray_engine, "VISIBLE", 0.1)
    with pytest.raises(CodoError, match="finished 1 parts that this machine cannot see"):
        ray_engine._wait_until_seen(manifest, range(len(manifest)))


def test_errors_of_workers_are_told(cluster: Cluster, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = source.parent / "out"
    (out / ".work" / "part-000001.arrow").mkdir(parents=True)
    with pytest.raises(CodoError, match="Ray stopped: IsADirectoryError") as caught:
        on_ray(source, out)
    assert "see Ray's log" in caught.value.fix
    (out / ".work" / "part-000001.arrow").rmdir()
    with monkeypatch.context() as patch:
        patch.setattr(ray_engine, "__version__", "0")
        with pytest.raises(CodoError, match=r"a Ray node has CoDo .*, the machine of the command 0"):
            on_ray(source, out)
    assert len(on_ray(source, out)) == 24


def test_what_lost_workers_mean(source: Path) -> None:
    with pytest.raises(CodoError):
        quick(write_folder(source, {"bad.jpg": b"not one"}), source.parent / "out", max_rejected=0)
    manifest = read_manifest(source.parent / "out")
    errors = ray.exceptions
    told = [
        ray_engine._explain(error, manifest, errors).what
        for error in (errors.WorkerCrashedError(), errors.RaySystemError("x\nNo module named 'codo'"))
    ]
    assert "killed again and again" in told[0]
    assert told[1] == "a Ray node has no CoDo, or another version"


def test_what_a_node_lacks(source: Path) -> None:
    """The task itself, without Ray: what it returns, and that nothing is written then."""
    with pytest.raises(CodoError):
        quick(write_folder(source, {"zz.jpg": b"not one"}), source.parent / "out", max_rejected=0)
    manifest = read_manifest(source.parent / "out")
    last = len(manifest) - 1
    (source / "zz.jpg").unlink()
    before = files(source.parent / "out" / ".work")
    outcome = process_chunk(str(manifest.out), manifest.key, ray_engine.__version__, last)
    assert isinstance(outcome, Unseen)
    assert outcome.files == [str(source / "zz.jpg")]
    assert files(source.parent / "out" / ".work") == before


def stopped(process: subprocess.Popen[str], number: int) -> tuple[str, list[str]]:
    """The line about Ray, and those after a signal that comes while a chunk is processed."""
    assert process.stderr
    about = process.stderr.readline()
    session = about.split("log: ")[1].strip().removesuffix("/logs")
    while not tasks(session):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=300)
    return about, errors.splitlines()


def test_a_cluster_is_joined(cluster: Cluster, source: Path) -> None:
    """By a process that SIGTERM stops, and by one that goes on; Ray's own output stays away."""
    out = source.parent / "ray"
    process = command(source, out, cluster.address)
    about, errors = stopped(process, signal.SIGTERM)
    assert process.returncode == 143
    fix = "run the same command again: it continues where it stopped"
    assert errors == ["codo: stopped by SIGTERM", f"  where: {out}", f"  fix:   {fix}"]
    log = f"{cluster.session}/logs"
    assert about == f"Ray: joined the cluster at {cluster.address}, CPUs: 2, log: {log}\n"
    process = command(source, out, cluster.address)
    _, written = process.communicate(timeout=300)
    assert process.returncode == 0
    assert written == about
    quick(source, source.parent / "local")
    assert files(out) == files(source.parent / "local")


def test_ctrl_c_ends_all_that_was_started(cluster: Cluster, source: Path) -> None:
    out = source.parent / "out"
    process = command(source, out, "local")
    about, errors = stopped(process, signal.SIGINT)
    assert about.startswith("Ray: started on this machine, CPUs: ")
    assert process.returncode == 130
    fix = "run the same command again: it continues where it stopped"
    assert errors == ["codo: interrupted", f"  where: {out}", f"  fix:   {fix}"]
    session = about.split("log: ")[1].strip().removesuffix("/logs")
    assert Path(session).is_dir()
    end = time.monotonic() + 20  # a worker may end a moment after the command
    while processes(session) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes(session) == []
    assert len(on_ray(source, out)) == 24


@pytest.mark.parametrize(
    ("address", "what"),
    [("127.0.0.1:1", "no Ray cluster answers: Connection refused"), ("ray://127.0.0.1:10001", "Ray Client")],
)
def test_addresses_without_a_cluster(address: str, what: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ray_engine.ADDRESS, address)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match=what) as caught:
        prepare(source, source.parent / "out", engine="ray")
    assert caught.value.where == f"RAY_ADDRESS={address}"
    assert not (source.parent / "out").exists()
