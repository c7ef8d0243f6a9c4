"""What a search takes in processor time and memory: python -m benchmarks.search [VIDEOS] [ROWS] [WIDTH].

Makes a folder of VIDEOS videos with ROWS windows of WIDTH numbers each (1,000 of 1,000 of 1,024), float16, around 50
centres, all different; then runs `search` as a user does: comparing every window, making the index, and by the index.
Prints for each the processor time and the wall time in seconds and the most memory in GB, of which the part that is
no file, since an index is mapped from disk; then recall@10 against every window, with 20 queries of each kind.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.view import output
from models import MODELS
from utils.explore.search.ask import Search
from utils.explore.search.nearest import nearest
from utils.explore.search.windows import SavedWindows

ROOT = Path(__file__).parents[1]
N_QUERIES = 20  # of each kind
TOP = 10


def make(folder: Path, n_videos: int, n_rows: int, width: int) -> None:
    """Write an array per video, and the manifest."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((50, width), np.float32)
    folder.mkdir()
    start_s = np.arange(n_rows, dtype=np.float64)
    np.save(folder / "start_s.npy", start_s)
    np.save(folder / "end_s.npy", start_s + 2)
    with (folder / "manifest.jsonl").open("w") as manifest:
        for i in range(n_videos):
            rows = centres[rng.integers(50, size=n_rows)] + rng.standard_normal((n_rows, width), np.float32)
            np.save(folder / f"{i}_rgb.npy", rows.astype(np.float16))
            outputs = [output(folder, f"{i}_rgb.npy", "rgb", [n_rows, width], "float16")]
            outputs += [output(folder, f"{key}.npy", key, [n_rows], "float64") for key in ("start_s", "end_s")]
            line = {"id": f"{i}.mp4", "status": "done", "reason": "", "name": str(i), "source": {}, "windows": n_rows,
                    "outputs": outputs, "feature_type": "i3d", "settings_hash": "0" * 16,
                    "finished": "2026-11-27T12:00:00+0000", "revision": 1}  # fmt: skip
            manifest.write(json.dumps(line) + "\n")


def measure(*command: str) -> dict[str, float]:
    """Run `main.py search` and return its processor time, wall time, and most memory."""
    begun = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, str(ROOT / "main.py"), "search", *command], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    own = [0]  # bytes
    threading.Thread(target=_watch, args=(process, own), daemon=True).start()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    seconds = {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": time.perf_counter() - begun}
    return seconds | {"own_gb": own[0] / 1e9, "all_gb": used.ru_maxrss / 1e6}


def _watch(process: psutil.Process, most: list[int]) -> None:
    """Note the most memory that is no file, until the process ends."""
    try:
        while True:
            memory = process.memory_info()
            most[0] = max(most[0], memory.rss - memory.shared)
            time.sleep(0.05)
    except psutil.Error:
        return


def recalls(folder: Path) -> dict[str, float]:
    """Return recall@10 of the index, by kind of query, for queries that it was not tuned with."""
    rng = np.random.default_rng(9)
    looking = Search(str(folder), MODELS)
    some = np.stack([np.load(folder / f"{i}_rgb.npy")[7].astype(np.float32) for i in range(N_QUERIES)])
    mean = np.mean([np.load(folder / f"{i}_rgb.npy").astype(np.float32).mean(axis=0) for i in range(20)], axis=0)
    random = rng.standard_normal(some.shape, np.float32)
    kinds = {"random directions": random, "rows": some, "rows minus their mean": some - mean}
    by_index = [looking.vector(query, TOP) for queries in kinds.values() for query in queries]
    every = SavedWindows.at(str(folder))
    exact = nearest(every.blocks(), np.concatenate(list(kinds.values())), TOP)
    shares = [
        len({(hit.video, hit.row) for hit in found} & {(hit.video, hit.row) for hit in every.hits(*wanted)}) / TOP
        for found, wanted in zip(by_index, exact, strict=True)
    ]
    return dict(zip(kinds, np.reshape(shares, (len(kinds), -1)).mean(axis=1).tolist(), strict=True))


def main() -> None:
    """Print a line of JSON for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("VIDEOS", 1000), ("ROWS", 1000), ("WIDTH", 1024)):
        parser.add_argument(name, type=int, nargs="?", default=usual)
    n_videos, n_rows, width = vars(parser.parse_args()).values()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "i3d"
        make(out, n_videos, n_rows, width)
        like = ("--like", "5@100.5")
        print(json.dumps({"step": "every window", **measure(scratch, *like, "--exact")}), flush=True)
        print(json.dumps({"step": "making the index, and a query", **measure(scratch, *like)}), flush=True)
        for _ in range(3):
            print(json.dumps({"step": "a query by the index", **measure(scratch, *like)}), flush=True)
        print(json.dumps({"step": "recall@10", **recalls(out)}), flush=True)


if __name__ == "__main__":
    main()
