"""How many videos per second a run claims in an output folder at a store that takes a while for each answer.

    python -m benchmarks.claims --videos 2000 --latency_s 0.03

The store is `benchmarks.slow_store`. `--local` claims in a folder of this machine instead.
"""

import argparse
import dataclasses
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks import record
from benchmarks.hand_out import FEATURE
from utils.config.run import RunConfig
from utils.run.output_state import look_up
from utils.run.todo import Todo
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.storage.folder import folder_at
from utils.worker.plan import Plan

IN_HAND = 64  # videos that workers have


def measure(output: str, n_videos: int) -> dict[str, float]:
    """Return the figures of a run that claims each video and releases it when 64 more have been handed out."""
    run = RunConfig(feature_type=["none"], device="cpu", on_extraction="save_numpy")
    root, feature = folder_at(output), dataclasses.replace(FEATURE, output=f"{output}/none")
    root.prepare()
    with Claims(root) as claims:
        refs = (VideoRef(f"{i:07d}.mp4", f"{i:07d}", f"/absent/{i:07d}.mp4") for i in range(n_videos))
        todo = Todo(refs, run, (feature,), look_up(Plan(run, (feature,), ("cpu",), 1, 1), root), claims, None)
        in_hand: deque[VideoRef] = deque()
        start = time.perf_counter(), time.process_time(), time.thread_time()
        while (task := todo.next()) is not None:
            in_hand.append(task.ref)
            if len(in_hand) > IN_HAND:
                todo.finished(feature.feature_type, in_hand.popleft())
        end = time.perf_counter(), time.process_time(), time.thread_time()
    wall_s, process_s, thread_s = (last - first for first, last in zip(start, end, strict=True))
    return {
        "videos": n_videos,
        "videos_per_s": round(n_videos / wall_s, 1),
        "process_us_per_video": round(1e6 * process_s / n_videos),
        "main_thread_us_per_video": round(1e6 * thread_s / n_videos),
    }


def at_a_store(n_videos: int, latency_s: float) -> dict[str, Any]:
    """Return the figures at a slow store, with the requests of each kind per video."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.slow_store", "--latency_s", str(latency_s), "--port", str(port)]
    os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
    store = subprocess.Popen(command)
    try:
        _requests(address)
        found = measure(f"s3://bucket/{secrets.token_hex(4)}", n_videos)
        requests = {kind: round(n / n_videos, 3) for kind, n in _requests(address).items()}
        return {**found, "latency_s": latency_s, "requests_per_video": requests}
    finally:
        store.terminate()
        store.wait()


def _requests(address: str) -> dict[str, int]:
    """Return how many requests have come, once the store is there."""
    for _ in range(300):
        try:
            with urlopen(f"{address}/requests") as answer:
                return json.load(answer)
        except URLError:
            time.sleep(0.1)
    raise SystemExit("the store does not start")


def main(arguments: list[str]) -> None:
    """Measure, print and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=2000, help="(default: 2000)")
    parser.add_argument("--latency_s", type=float, default=0.03, help="of the store (default: 0.03)")
    parser.add_argument("--local", action="store_true", help="in a folder of this machine")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    if options.local:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(folder, options.videos)
    else:
        found = at_a_store(options.videos, options.latency_s)
    print(found)
    record.write("claims-local" if options.local else "claims", found, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
