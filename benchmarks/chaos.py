"""Nodes, actors, workers and the driver of Ray runs are killed at random; the outputs must equal those of local runs.

    python -m benchmarks.chaos --videos 300 --kills 50 --nodes 4 --seed 1

A cluster of real processes on this machine (`ray.cluster_utils.Cluster`): a head without CPUs, and nodes of one CPU
each. Nodes that are killed are replaced by new ones a little later. The command is run again until it exits with 0,
in each output format. Then the manifest must have each video as done, and all files must hold what `--engine local`
writes.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import record
from benchmarks.faults_outputs import contents, debris
from benchmarks.tiny_videos import write_videos
from utils.sinks.formats import FORMATS

ROOT = Path(__file__).parent.parent
KINDS = [name for name, kind in FORMATS.items() if kind.saves]
N_PER_TAR = 25
N_SAID = 100  # lines of a run that is stuck
TRIES = 5  # to start a node
STUCK_S = 300.0  # without a new line in the manifest
PATIENCE_S = 30.0  # for a new line, before the next kill: a busy machine starts workers no faster


class Nodes:
    """The cluster's nodes, which come and go."""

    def __init__(self, n_nodes: int) -> None:
        from ray.cluster_utils import Cluster

        self._node = {"object_store_memory": 80_000_000}
        head = {**self._node, "num_cpus": 0, "include_dashboard": False}
        self.cluster: Any = _patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        self.n_nodes = n_nodes
        self._nodes: list[Any] = []
        for _ in range(n_nodes):
            self.fill()

    def fill(self) -> None:
        """Add a node, if one is missing. One that a busy machine has not started in Ray's 30 s is tried again later."""
        if len(self._nodes) < self.n_nodes:
            with contextlib.suppress(Exception):
                self._nodes.append(self.cluster.add_node(num_cpus=1, **self._node))

    def kill(self, rng: random.Random) -> None:
        """Kill a node, if there is more than one."""
        if len(self._nodes) > 1:
            node = self._nodes.pop(rng.randrange(len(self._nodes)))
            self.cluster.remove_node(node, allow_graceful=False)


def _patiently(start: Callable[[], Any]) -> Any:
    """Return what `start` returns, tried again where it fails, as the head does on a busy machine."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(Exception):
            return start()
    return start()


class Run:
    """One command in one format, run until it succeeds while its processes are killed."""

    def __init__(self, folder: Path, kind: str, nodes: Nodes, rng: random.Random) -> None:
        self._kind, self._nodes, self._rng = kind, nodes, rng
        self._folder, self._output = folder, folder / kind
        self._log = (folder / f"{kind}.log").open("a")
        self._killed_s = time.time()
        self.killed: Counter[str] = Counter()
        self.exit_codes: Counter[str] = Counter()

    def command(self, output: Path, *more: str) -> list[str]:
        """Return the command, which writes to `output`."""
        shards = ["--tar_path", *map(str, sorted(self._folder.glob("tars/*.tar")))]
        listed = ["--video_list", str(self._folder / "list.txt")]
        return [
            sys.executable, "-m", "benchmarks.simulated", "--feature_type", "simulated", "--on_extraction", self._kind,
            "--output_path", str(output), *(shards if self._kind == "save_shards" else listed), *more,
        ]  # fmt: skip

    def disturb(self, n_kills: int, pause_s: float) -> Iterator[None]:
        """Run the command until it succeeds, and kill `n_kills` processes or nodes meanwhile; a step at a time."""
        more = ["--pause_s", str(pause_s), "--engine", "ray", "--ray_address", self._nodes.cluster.address,
                "--cpus_per_worker", "1", "--num_workers", str(self._nodes.n_nodes), "--max_retries", "50"]  # fmt: skip
        kills = {"actor": self._kill_actor, "worker": self._kill_worker, "node": self._kill_node, "driver": self._end}
        while True:
            self._process = subprocess.Popen(
                self.command(self._output, *more), cwd=ROOT, stdout=self._log, stderr=self._log
            )
            while self._process.poll() is None:
                self._wait(self._rng.uniform(2.0, 8.0))
                self._nodes.fill()
                if self._process.poll() is None and self.killed.total() < n_kills and self._works_again():
                    name = self._rng.choice(sorted(kills))
                    if kills[name]():
                        self.killed[name] += 1
                        self._killed_s = time.time()
                self._check_alive()
                yield
            self.exit_codes[str(self._process.returncode)] += 1
            if self._process.returncode == 0:
                return

    def _works_again(self) -> bool:
        """Return whether a video was done since the last kill, or it is time for the next in any case."""
        newest_s = self._newest_s()
        return newest_s > 0 and (newest_s > self._killed_s or time.time() - self._killed_s > PATIENCE_S)

    def _newest_s(self) -> float:
        """Return when the manifest grew last, in seconds since 1970; 0 if there is none."""
        manifest = self._output / "simulated" / "manifest.jsonl"
        return manifest.stat().st_mtime if manifest.exists() else 0.0

    def _check_alive(self) -> None:
        newest_s = self._newest_s()
        if newest_s and time.time() - newest_s > STUCK_S:
            self._end()
            said = Path(self._log.name).read_text().splitlines()[-N_SAID:]
            raise SystemExit("\n".join([f"nothing was done for {STUCK_S:g} s:", *said]))

    def _wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _kill_actor(self) -> bool:
        return self._kill_one(lambda process: "ray::RayWorker" in " ".join(process.cmdline()))

    def _kill_worker(self) -> bool:
        return self._kill_one(lambda process: "--multiprocessing-fork" in process.cmdline())

    def _kill_one(self, is_wanted: Any) -> bool:
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if is_wanted(process):
                    found.append(process)
        if not found:
            return False
        with contextlib.suppress(psutil.Error):
            self._rng.choice(found).kill()
        return True

    def _kill_node(self) -> bool:
        self._nodes.kill(self._rng)
        return True

    def _end(self) -> bool:
        self._process.kill()
        self._process.wait()
        return True

    def check(self) -> dict[str, Any]:
        """Return the differences from a local run, and what happened."""
        undisturbed = self._folder / f"{self._kind}-local"
        local = self.command(undisturbed, "--device", "cpu", "--num_workers", "2", "--quiet")
        subprocess.run(local, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        ours, theirs = contents(self._output), contents(undisturbed)
        lines = [json.loads(line) for line in _whole(self._output / "simulated" / "manifest.jsonl")]
        return differences(ours, theirs, lines) | {
            "debris": debris(self._output),
            "killed": dict(sorted(self.killed.items())),
            "exit codes": dict(sorted(self.exit_codes.items())),
        }


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how outputs differ from those of a local run. ours, theirs: contents by name. lines: of our manifest."""
    statuses = {line["id"]: line["status"] for line in lines}
    written = Counter(line["id"] for line in lines if line["status"] == "done" and not _is_merged(line))
    return {
        "videos": len(statuses),
        "not done": [name for name, status in statuses.items() if status != "done"],
        "extracted twice": sum(1 for n in written.values() if n > 1),
        "missing": sorted(theirs.keys() - ours.keys()),
        "too many": sorted(ours.keys() - theirs.keys()),
        "different": [name for name in theirs if name in ours and ours[name] != theirs[name]],
    }


def _whole(path: Path) -> list[str]:
    """Return the lines of a manifest that were not cut short when their writer was killed."""
    found = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError):
            json.loads(line)
            found.append(line)
    return found


def _is_merged(line: dict[str, Any]) -> bool:
    return any("place" in output for output in line["outputs"])


def write_inputs(folder: Path, n_videos: int) -> None:
    """Write the videos, a list of them, and tars that hold them."""
    paths = write_videos(folder / "videos", n_videos, n_frames=3, n_different=n_videos)
    (folder / "list.txt").write_text("\n".join(map(str, paths)))
    (folder / "tars").mkdir()
    for first in range(0, n_videos, N_PER_TAR):
        with tarfile.open(folder / "tars" / f"{first // N_PER_TAR:06d}.tar", "w") as tar:
            for path in paths[first : first + N_PER_TAR]:
                tar.add(path, path.name)


def chaos_parser(about: str, n_nodes: int) -> argparse.ArgumentParser:
    """Return a parser of how many videos, kills and nodes there are. about: the text of the help. n_nodes: default."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--videos", type=int, default=300, help="number of videos (default: 300)")
    parser.add_argument("--kills", type=int, default=50, help="kills in all runs together (default: 50)")
    parser.add_argument("--nodes", type=int, default=n_nodes, help="besides the head (default: %(default)s)")
    parser.add_argument("--pause_s", type=float, default=0.2, help="of the device for each of 3 frames (default: 0.2)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the kills (default: 1)")
    return parser


def main(arguments: list[str]) -> None:
    """Disturb runs in each format, compare, print and save the figures; exit with an error if anything differs."""
    parser = chaos_parser(__doc__ or "", n_nodes=4)
    parser.add_argument("--formats", nargs="+", default=KINDS, choices=KINDS, help="of --on_extraction (default: all)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        write_inputs(Path(temporary), options.videos)
        nodes = Nodes(options.nodes)
        for i, kind in enumerate(options.formats):
            start_s, left = time.monotonic(), options.kills - sum(sum(one["killed"].values()) for one in found.values())
            run = Run(Path(temporary), kind, nodes, rng)
            for _ in run.disturb(round(left / (len(options.formats) - i)), options.pause_s):
                pass
            found[kind] = {"seconds": round(time.monotonic() - start_s, 1), **run.check()}
            print(json.dumps({kind: found[kind]}), flush=True)
        nodes.cluster.shutdown()
    record.write(f"chaos-{options.seed}", {"nodes": options.nodes, "formats": found}, options.results)
    wrong = ("not done", "missing", "too many", "different", "debris")
    bad = [f"{kind}: {name}" for kind, one in found.items() for name in wrong if one[name]]
    raise SystemExit(f"wrong: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
