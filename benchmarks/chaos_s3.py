"""As benchmarks.chaos, with an S3-compatible server as source and sink, and two Ray clusters that share the list.

    python -m benchmarks.chaos_s3 --videos 300 --kills 50 --nodes 2 --seed 1

Each cluster has its own run of the same command. The server is moto, in this process.
"""

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from support.sources import s3_client, s3_server

from benchmarks import record
from benchmarks.chaos import ROOT, Nodes, Run, chaos_parser, differences
from benchmarks.faults_outputs import contents
from benchmarks.tiny_videos import write_videos
from utils.storage.folder import folder_at

FORMATS = ("save_npz", "save_numpy")  # the second asks the server ten times as much
BUCKET = "bucket"
OUTPUT = f"s3://{BUCKET}/out"


class SharedRun(Run):
    """A run of one of the clusters, which reads from the server and writes to it."""

    _n_lines, _grown_s = 0, 0.0

    def command(self, output: Path, *more: str) -> list[str]:
        """Return the command."""
        return [
            sys.executable, "-m", "benchmarks.simulated", "--feature_type", "simulated", "--on_extraction",
            self._kind, "--output_path", OUTPUT, "--video_list", str(self._folder / "list-s3.txt"), *more,
        ]  # fmt: skip

    def _newest_s(self) -> float:
        """Return when the manifest was seen to have grown last; both runs write to it."""
        n_lines = len(lines_of_manifest())
        if n_lines > self._n_lines:
            self._n_lines, self._grown_s = n_lines, time.time()
        return self._grown_s

    def _check_alive(self) -> None:
        """The time is limited from outside."""


def lines_of_manifest() -> list[dict[str, Any]]:
    """Return all lines that the runs have written."""
    lines, _ = folder_at(f"{OUTPUT}/simulated").tail("manifest.jsonl", None)
    return [json.loads(raw) for _, raw in lines]


def compare(folder: Path, kind: str, client: Any) -> dict[str, Any]:
    """Return the differences from a local run on the same files."""
    local = [
        sys.executable, "-m", "benchmarks.simulated", "--feature_type", "simulated", "--on_extraction", kind,
        "--output_path", str(folder / "local"), "--video_list", str(folder / "list.txt"), "--device", "cpu", "--quiet",
    ]  # fmt: skip
    subprocess.run(local, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    left: list[str] = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="out/"):
        for one in page.get("Contents", ()):
            path = folder / "remote" / one["Key"].removeprefix("out/")
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(BUCKET, one["Key"], str(path))
            if "/claims/" in one["Key"]:
                left.append(one["Key"])
    theirs, ours = ({k: v for k, v in contents(folder / name / "simulated").items() if k.endswith((".npy", ".npz"))}
                    for name in ("local", "remote"))  # fmt: skip
    return differences(ours, theirs, lines_of_manifest()) | {"claims left": left}


def main(arguments: list[str]) -> None:
    """Disturb two runs, compare, print and save the figures; exit with an error if anything differs."""
    parser = chaos_parser(__doc__ or "", n_nodes=2)
    parser.add_argument(
        "--format", default="save_npz", choices=FORMATS, help="of --on_extraction (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary, s3_server() as environment:
        os.environ |= environment  # of the programs that are started, and of this one
        client, folder = s3_client(environment), Path(temporary)
        paths = write_videos(folder / "videos", options.videos, n_frames=3, n_different=options.videos)
        for path in paths:
            client.upload_file(str(path), BUCKET, f"videos/{path.name}")
        (folder / "list.txt").write_text("\n".join(map(str, paths)))
        (folder / "list-s3.txt").write_text("\n".join(f"s3://{BUCKET}/videos/{path.name}" for path in paths))
        clusters = [Nodes(options.nodes) for _ in range(2)]
        runs = [
            SharedRun(folder, options.format, nodes, random.Random(seed))
            for seed, nodes in enumerate(clusters, start=options.seed)
        ]
        steps = [run.disturb(options.kills // 2, options.pause_s) for run in runs]
        for _ in itertools.zip_longest(*steps):  # in turn: Ray starts nodes in the main thread only
            print(round(time.monotonic() - start_s), "s:", *(run.killed.total() for run in runs), "kills;",
                  len(lines_of_manifest()), "lines", flush=True)  # fmt: skip
        found = compare(folder, options.format, client) | {
            "seconds": round(time.monotonic() - start_s, 1),
            "killed": dict(sorted(sum((run.killed for run in runs), Counter[str]()).items())),
            "exit codes": [dict(run.exit_codes) for run in runs],
        }
        for nodes in clusters:
            nodes.cluster.shutdown()
    print(json.dumps(found))
    record.write(f"chaos-s3-{options.seed}", found)
    wrong = [name for name in ("not done", "missing", "too many", "different", "claims left") if found[name]]
    raise SystemExit(f"wrong: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
