"""Whole commands of this program against those of video_features, on the same clips, checkpoints and settings.

    python -m benchmarks.compare --peer DIR --peer_python DIR/venv/bin/python --pairs 5 --clips CLIP.mp4

DIR is a checkout of https://github.com/v-iashin/video_features; its Python needs the same torch as ours. Each pair runs
their command, then ours (A B A B), start-up included; the result is the ratio of the medians. Bytecode is kept, as on a
user's machine. Without --files, random weights are written in the published layouts and copied to where video_features
looks for them.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peer_files, record
from utils.media.audio import AudioStream

ROOT = Path(__file__).parent.parent
WAVE_RATE_HZ = 44100
STACK = {"64_64": (64, 64), "64_16": (64, 16)}


@dataclass(frozen=True)
class Case:
    """One comparison.

    theirs, ours: the flags of both commands, without videos, outputs and devices. keys: the outputs to compare.
    their_folder: of the outputs, below their output path. media: "video", or "audio" for WAV files of the clips.
    """

    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    keys: tuple[str, ...] = ()
    their_folder: str = ""
    media: str = "video"


def _i3d(stack: str, *streams: str) -> Case:
    size, step = STACK[stack]
    theirs = (f"stack_size={size}", f"step_size={step}", "flow_type=raft")
    theirs += (f"streams={streams[0]}",) if len(streams) == 1 else ()
    ours = ("--streams", *streams, "--flow_type", "raft", "--stack_size", str(size), "--step_size", str(step))
    return Case(("feature_type=i3d", *theirs), ("--feature_type", "i3d", *ours), streams, "i3d")


CASES = {
    "i3d_rgb_64_64": _i3d("64_64", "rgb"),
    "i3d_rgb_64_16": _i3d("64_16", "rgb"),
    "i3d_flow_64_64": _i3d("64_64", "flow"),
    "i3d_both_64_64": _i3d("64_64", "rgb", "flow"),
    "i3d_both_64_16": _i3d("64_16", "rgb", "flow"),
    "raft": Case(("feature_type=raft",), ("--feature_type", "raft"), ("raft",), "raft"),
    "vggish": Case(
        ("feature_type=vggish",),
        ("--feature_type", "vggish", "--vggish_model_path", "{files}/vggish-10086976.pth"),
        ("vggish",),
        "vggish",
        media="audio",
    ),
    "clip": Case(
        ("feature_type=clip", "model_name=custom"),
        ("--feature_type", "clip", "--model_name", "ViT-B/32", "--checkpoint", "{files}/ViT-B-32.pt"),
        ("clip",),
        "clip/custom",
    ),
    "resnet50": Case(
        ("feature_type=resnet", "model_name=resnet50"),
        ("--feature_type", "resnet", "--model_name", "resnet50"),
        ("resnet",),
        "resnet/resnet50",
    ),
}


@dataclass(frozen=True)
class Bench:
    """The checkout and Python of video_features, the checkpoints, a work folder, and more flags for our command."""

    peer: Path
    peer_python: str
    files: Path
    work: Path
    extra: tuple[str, ...]

    def their_s(self, case: Case, media: list[Path]) -> float:
        """Return the seconds that their command takes."""
        videos = ",".join(str(path.resolve()) for path in media)
        output = [f"output_path={self.work}/theirs", f"tmp_path={self.work}/their_tmp", f"video_paths=[{videos}]"]
        command = [self.peer_python, "main.py", *case.theirs, "device=cpu", "on_extraction=save_numpy", *output]
        shutil.rmtree(self.work / "theirs", ignore_errors=True)
        return _seconds(command, self.peer, {"TORCH_HOME": str(self.peer / "torch_home")})

    def our_s(self, case: Case, media: list[Path]) -> float:
        """Return the seconds that our command takes."""
        shutil.rmtree(self.work / "ours", ignore_errors=True)
        settings = [argument.format(files=self.files) for argument in case.ours]
        output = ["--on_extraction", "save_numpy", "--output_path", str(self.work / "ours"), "--quiet"]
        command = [sys.executable, "main.py", *settings, "--weights_dir", str(self.files), "--device", "cpu", *output]
        return _seconds([*command, *self.extra, "--video_paths", *map(str, media)], ROOT, {})

    def agreement(self, case: Case, media: list[Path]) -> dict[str, float]:
        """Return the largest relative L2 difference of the features by key, infinite where shapes differ."""
        differences: dict[str, float] = {}
        for key in case.keys:
            pairs = []
            for path in media:
                theirs = self.work / "theirs" / case.their_folder / f"{path.stem}_{key}.npy"
                if not theirs.exists():  # some outputs are named after the model there
                    theirs = next((self.work / "theirs" / case.their_folder).glob(f"{path.stem}*.npy"))
                ours = next((self.work / "ours").rglob(f"{path.stem}_{key}.npy"))
                pairs.append((np.load(ours).astype(np.float64), np.load(theirs).astype(np.float64)))
            differences[key] = max(
                float(np.linalg.norm(a - b) / np.linalg.norm(b)) if a.shape == b.shape else float("inf")
                for a, b in pairs
            )
        return differences


def _seconds(command: list[str], folder: Path, variables: dict[str, str]) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables
    start_s = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start_s
    if done.returncode != 0 or "An error occurred" in done.stdout + done.stderr:
        raise SystemExit(
            f"{' '.join(command)}\nfailed ({done.returncode}):\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return seconds


def wave_files(clips: list[Path], folder: Path) -> list[Path]:
    """Write the audio of each clip as a WAV file: for anything else, video_features needs an ffmpeg binary."""
    import soundfile

    paths = []
    for clip in clips:
        with AudioStream(clip, WAVE_RATE_HZ) as stream:
            samples = np.concatenate(list(stream))
        paths.append(folder / f"{clip.stem}.wav")
        soundfile.write(paths[-1], samples, WAVE_RATE_HZ, subtype="PCM_16")
    return paths


def compare(bench: Bench, case: Case, media: list[Path], pairs: int, warm_up: bool) -> dict[str, Any]:
    """Return the seconds of both commands, the ratio of their medians, and how far the features differ."""
    if warm_up:
        bench.their_s(case, media)
        bench.our_s(case, media)
    seconds = [(bench.their_s(case, media), bench.our_s(case, media)) for _ in range(pairs)]
    theirs, ours = ([round(each, 3) for each in column] for column in zip(*seconds, strict=True))
    return {
        "peer_s": theirs,
        "our_s": ours,
        "ratio_of_medians": round(statistics.median(theirs) / statistics.median(ours), 3),
        "relative_l2": bench.agreement(case, media),
    }


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, required=True, help="checkout of video_features")
    parser.add_argument("--peer_python", default=sys.executable, help="Python with its packages (default: this one)")
    parser.add_argument("--clips", nargs="+", type=Path, required=True, help="videos to run on")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="(default: all)")
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default: 5)")
    parser.add_argument("--cold", action="store_true", help="skip the warm-up pair, for long cases")
    parser.add_argument("--files", type=Path, help="folder of checkpoints (default: random weights)")
    parser.add_argument("--name", default="compare", help="name of the results file (default: compare)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("ours", nargs=argparse.REMAINDER, help="after --: more flags for our command")
    options = parser.parse_args(arguments)
    extra = tuple(argument for argument in options.ours if argument != "--")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        files = options.files or options.peer / "seeded_noise"
        peer_files.prepare(files.resolve(), options.peer.resolve())
        bench = Bench(options.peer.resolve(), options.peer_python, files.resolve(), Path(work), extra)
        waves = wave_files(options.clips, Path(work)) if "vggish" in options.cases else []
        for name in options.cases:
            case = CASES[name]
            media = waves if case.media == "audio" else [clip.resolve() for clip in options.clips]
            figures[name] = compare(bench, case, media, options.pairs, not options.cold)
            differences = ", ".join(f"{key} {value:.1e}" for key, value in figures[name]["relative_l2"].items())
            print(
                f"{name:16} {figures[name]['ratio_of_medians']:6.2f} x   differences: {differences or 'not compared'}"
            )
    commit = record.git_commit(options.peer)
    facts = {"peer_commit": commit, "clips": [clip.name for clip in options.clips], "pairs": options.pairs}
    record.write(options.name, facts | {"our_flags": list(extra), "cases": figures}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
