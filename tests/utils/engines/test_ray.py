"""Runs on a real Ray cluster of two small nodes, which all tests share."""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, has_manifest, manifest, run, start_anew, until

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import ray as engine_module
from utils.engines.base import Gone
from utils.engines.ray import RayEngine
from utils.engines.ray_node import RayWorker
from utils.errors import RunError, UserError
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.worker.messages import Placed, Warned
from utils.worker.plan import FeaturePlan, Plan

NICENESS = "RAY_worker_niceness"
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    os.environ[NICENESS] = "0"  # else actors wait for other tests on a machine of few cores
    cluster: Any = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()
    del os.environ[NICENESS]


def actors() -> list[psutil.Process]:
    """Return the actors' processes, which descend from this one."""
    found: list[psutil.Process] = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if "ray::RayWorker" in " ".join(one.cmdline()):
                found.append(one)
    return found


def test_actors_die_and_nodes_come_and_the_file_is_that_of_a_local_run(tmp_path, cluster):
    clips = [write_clip(tmp_path / f"{i}.mp4", moving_frames(8, seed=i)) for i in range(8)]
    tiny = ("--feature_type", "tiny", "--video_paths", *clips, "--max_retries", 3, "--on_extraction", "save_h5")
    on_ray = ("--engine", "ray", "--ray_address", cluster.address, "--cpus_per_worker", 1, "--num_workers", 3)
    outputs = ("--json_progress", tmp_path / "progress.jsonl", "--output_path", tmp_path / "ray")
    process = start_anew(*tiny, *on_ray, *outputs, "--pause_s", 0.2, program=TINY_PROGRAM)
    until(lambda: has_manifest(tmp_path / "ray" / "tiny"), process)
    for actor in actors():  # one has finished a video, so it holds the next
        actor.kill()
    late = cluster.add_node(**NODE)
    until(lambda: len(actors()) == 3, process)
    _, messages = process.communicate(timeout=300)
    cluster.remove_node(late)
    assert process.returncode == 0, messages
    assert "Ray cluster of 2 nodes with 2 CPUs and 0 GPUs: up to 3 workers of 1 CPU each" in messages
    assert re.search(r"the worker on \S+/cpu was lost on Ray node .*; trying this video alone", messages)

    local = run(*tiny, "--device", "cpu", "--output_path", tmp_path / "local", program=TINY_PROGRAM)
    assert local.returncode == 0, local.stderr
    lines = manifest(tmp_path / "ray" / "tiny")
    assert {name: line["status"] for name, line in lines.items()} == {clip.stem: "done" for clip in clips}
    assert all(line["device"].endswith("/cpu") for line in lines.values())
    expected: Any
    found: Any
    with (
        h5py.File(tmp_path / "local/tiny/features.h5") as expected,
        h5py.File(tmp_path / "ray/tiny/features.h5") as found,
    ):
        assert sorted(found) == sorted(expected) == sorted(lines)
        assert all(np.array_equal(found[name]["tiny"], expected[name]["tiny"]) for name in lines)

    final = json.loads((tmp_path / "progress.jsonl").read_text().splitlines()[-1])
    assert final["videos"] == {"listed": 8, "to_do": 8, "finished": 8, "failed": 0}
    assert sum(device["finished"] for device in final["devices"].values()) == 8
    node, _, _ = lines["0"]["device"].partition("/")
    assert f"node {node}: 8 videos" in run("status", tmp_path / "ray").stdout


def one_worker(folder: Path, **flags: Any) -> Plan:
    """Return a plan whose outputs would be in a folder that no run has written to."""
    stamp = RunStamp("tiny", run="none")
    feature = FeaturePlan("tiny", "no_module:Nothing", Config(), {}, {}, str(folder), stamp, acav_names("tiny"))
    run = RunConfig(feature_type=["tiny"], engine="ray", on_extraction="save_numpy", **flags)
    return Plan(run, (feature,), ("cpu",), 1, 1)


def first(engine: RayEngine, wanted: type) -> Any:
    """Return the first message of a type."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        found = [message for _, message in engine.poll(1.0) if isinstance(message, wanted)]
        if found:
            return found[0]
    raise AssertionError("no such message")


class Unmade(RayWorker):
    """Its module is not on the nodes, so that no actor can be made there."""


def test_what_cannot_work_is_said_with_node_and_cause(tmp_path, cluster, monkeypatch):
    plan = one_worker(tmp_path, ray_address=cluster.address, cpus_per_worker=1)
    with RayEngine(plan.run, {}) as engine:
        with pytest.raises(UserError, match=r"Ray node .*: .*not the folder that the main process writes to"):
            engine.check(plan, [])
        monkeypatch.setattr(engine_module, "STARTS", 1)
        engine.start(plan, "cpu")
        assert "/cpu" in first(engine, Placed).where
        assert re.search(
            r"Ray node .* gets no more workers: .*cannot start: .*not the folder", first(engine, Warned).text
        )
        engine.start(plan, "cpu")
        with pytest.raises(RunError, match=r"die while they start, on every node .*not the folder"):
            first(engine, Gone)
        engine._shunned.clear()
        engine._actor_class = engine._ray.remote(Unmade)
        engine.start(plan, "cpu")
        assert re.search(r"was lost on Ray node .*ModuleNotFoundError", first(engine, Gone).cause)

        monkeypatch.setattr(engine_module, "NOTE_S", 0.0)
        monkeypatch.setattr(engine_module, "ROOM_S", 0.0)
        engine._actor_class = engine._ray.remote(num_cpus=5)(RayWorker)
        engine.start(plan, "cpu")
        with pytest.raises(RunError, match=r"no room for 1 of the workers.*; it has \d CPUs and 0 GPUs"):
            first(engine, Gone)
        engine.end()
