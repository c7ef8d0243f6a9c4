"""Runs on a real Ray cluster of two small nodes, which all tests share."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, arrays, manifest, run, start, until

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import ray as engine_module
from utils.engines.base import Gone
from utils.engines.ray import RayEngine
from utils.engines.ray_node import RayWorker
from utils.errors import RunError, UserError
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.worker.plan import FeaturePlan, Plan


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster: Any = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


@pytest.fixture(scope="module")
def tiny_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return [write_clip(folder / f"{i}.mp4", moving_frames(8, seed=i)) for i in range(6)]


def actors() -> list[psutil.Process]:
    """Return the actors' processes, which descend from this one."""
    return [one for one in psutil.Process().children(recursive=True) if "ray::RayWorker" in " ".join(one.cmdline())]


def test_a_run_whose_actor_is_killed_gives_what_a_local_one_gives(tmp_path, address, tiny_clips):
    tiny = ("--feature_type", "tiny", "--video_paths", *tiny_clips, "--max_retries", 3)
    on_ray = ("--engine", "ray", "--ray_address", address, "--cpus_per_worker", 1)
    npy = ("--on_extraction", "save_numpy", "--output_path")
    local = run(*tiny, "--device", "cpu", *npy, tmp_path / "local", program=TINY_PROGRAM)
    assert local.returncode == 0, local.stderr

    process = start(*tiny, *on_ray, *npy, tmp_path / "ray", "--pause_s", 0.1, program=TINY_PROGRAM)
    until(lambda: (tmp_path / "ray" / "tiny" / "manifest.jsonl").exists(), process)
    actors()[0].kill()
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages
    assert "Ray cluster of 2 nodes with 2 CPUs and 0 GPUs: up to 2 workers of 1 CPU each" in messages
    lines = manifest(tmp_path / "ray" / "tiny")
    assert {name: line["status"] for name, line in lines.items()} == {clip.stem: "done" for clip in tiny_clips}
    assert all(line["device"].endswith("/cpu") for line in lines.values())
    expected = arrays(tmp_path / "local")
    found = arrays(tmp_path / "ray")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)

    merged = run(*tiny, *on_ray, "--on_extraction", "save_h5", "--output_path", tmp_path / "h5", program=TINY_PROGRAM)
    assert merged.returncode == 0, merged.stderr
    file: Any
    with h5py.File(tmp_path / "h5" / "tiny" / "features.h5") as file:
        assert sorted(file) == sorted(lines)
        assert all(np.array_equal(file[name]["tiny"], expected[f"tiny/{name}_tiny.npy"]) for name in lines)


def one_worker(folder: Path, **flags: Any) -> Plan:
    """Return a plan whose outputs would be in a folder that no run has written to."""
    stamp = RunStamp("tiny", run="none")
    feature = FeaturePlan("tiny", "no_module:Nothing", Config(), {}, {}, str(folder), stamp, acav_names("tiny"))
    run = RunConfig(feature_type=["tiny"], engine="ray", on_extraction="save_numpy", **flags)
    return Plan(run, (feature,), ("cpu",), 1, 1)


def first(engine: RayEngine, wanted: type) -> Any:
    """Return the first message of a type."""
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        for _, message in engine.poll(1.0):
            if isinstance(message, wanted):
                return message
    raise AssertionError("no such message")


def test_what_cannot_work_is_said_with_node_and_cause(tmp_path, address, monkeypatch):
    plan = one_worker(tmp_path, ray_address=address, cpus_per_worker=1)
    with RayEngine(plan.run, {}) as engine:
        with pytest.raises(UserError, match=r"Ray node .*: .*not the folder that the main process writes to"):
            engine.check(plan, [])
        engine.start(plan, "cpu")
        assert "cannot start on node" in first(engine, Gone).cause
        monkeypatch.setattr(engine_module, "NOTE_S", 0.0)
        monkeypatch.setattr(engine_module, "ROOM_S", 0.0)
        engine._actor_class = engine._ray.remote(num_cpus=5)(RayWorker)
        engine.start(plan, "cpu")
        with pytest.raises(RunError, match=r"no room for 1 of the workers.*; it has 2 CPUs and 0 GPUs"):
            first(engine, Gone)
        engine.end()
