"""Whole commands of this program against those of video_features, on the same clips, checkpoints and settings.

    python -m benchmarks.compare --peer DIR --peer_python DIR/venv/bin/python --pairs 5 --clips CLIP.mp4

DIR is a checkout of https://github.com/v-iashin/video_features; its Python needs the same torch as ours. Each pair runs
their command, then ours (A B A B), start-up included; the result is the ratio of the medians. Bytecode is kept, as on a
user's machine. Without --files, random weights are written in the published layouts and copied to where video_features
looks for them.

On a GPU (--device cuda) start-up takes longer than the work on a few clips. --copies lengthens the list of videos,
--our_copies ours beyond theirs: the ratio is then that of windows per second. The steady rate leaves start-up out: it
is that of the middle three fifths of the videos, by when their features were written.
"""

import argparse
import contextlib
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import peer_files, record
from benchmarks.peer_cases import CASES, VARIANTS, Case
from benchmarks.peer_commands import Commands, Ran
from utils.media.audio import AudioStream

WAVE_RATE_HZ = 44100


def agreement(case: Case, theirs: Ran, ours: Ran) -> dict[str, float]:
    """Return the largest relative L2 difference of the features by key, infinite where shapes differ."""
    differences: dict[str, float] = {}
    for video in theirs.features.keys() & ours.features.keys():
        for key in case.keys:
            a, b = (run.features[video][key].astype(np.float64) for run in (ours, theirs))
            difference = float(np.linalg.norm(a - b) / np.linalg.norm(b)) if a.shape == b.shape else math.inf
            differences[key] = max(difference, differences.get(key, 0.0))
    return differences


def rates(runs: list[Ran]) -> dict[str, Any]:
    """Return the seconds of a command and its windows per second: with start-up, and steady."""
    n_windows = sum(runs[0].windows())
    per_s = n_windows / statistics.median(run.seconds for run in runs)
    steady = [rate for run in runs if (rate := run.steady_per_s())]
    return {
        "s": [round(run.seconds, 3) for run in runs],
        "windows": n_windows,
        "per_s": round(per_s, 4),
        "steady_per_s": round(statistics.median(steady), 4) if steady else None,
        "cut": any(run.cut for run in runs),
    }


def summary(theirs: list[Ran], ours: list[Ran]) -> dict[str, Any]:
    """Return the figures of both commands, and how many times as fast ours is."""
    peer, our = rates(theirs), rates(ours)
    figures = {f"{name}_{key}": value for name, each in (("peer", peer), ("our", our)) for key, value in each.items()}
    for key, name in (("per_s", "ratio_of_medians"), ("steady_per_s", "ratio_of_steady")):
        figures[name] = round(our[key] / peer[key], 3) if our[key] and peer[key] else None
    return figures


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


def copies_of(media: list[Path], copies: int, folder: Path) -> list[Path]:
    """Return the media, and links to them in `folder` until there are `copies` of each."""
    folder.mkdir(exist_ok=True)
    links = [(folder / f"{path.stem}_{i:04d}{path.suffix}", path) for i in range(1, copies) for path in media]
    for link, path in links:
        if not link.is_symlink():
            link.symlink_to(path)
    return [*media, *(link for link, _ in links)]


@contextlib.contextmanager
def noted(figures: dict[str, dict[str, Any]], label: str) -> Iterator[None]:
    """Put a failed command's error among the figures, and go on."""
    try:
        yield
    except RuntimeError as error:
        figures.setdefault(label, {})["error"] = str(error)
        print(f"{label}: {error}")


def compare(
    commands: Commands, name: str, media: list[Path], options: argparse.Namespace, figures: dict[str, dict[str, Any]]
) -> Iterator[None]:
    """Run theirs, then each variant of ours, in turn; yield whenever there are new figures."""
    case, folder = CASES[name], commands.work / "copies"
    variants = {name if each == "default" else f"{name}_{each}": VARIANTS[each](case) for each in options.variants}
    if not options.cold:
        commands.theirs(case, media)
        for variant in variants.values():
            commands.ours(variant, media)
    theirs: list[Ran] = []
    ours: dict[str, list[Ran]] = {label: [] for label in variants}
    for _ in range(options.pairs):
        theirs.append(commands.theirs(case, copies_of(media, options.copies, folder)))
        for label, variant in variants.items():
            with noted(figures, label):
                ours[label].append(commands.ours(variant, copies_of(media, options.our_copies, folder)))
                differences = agreement(variant, theirs[-1], ours[label][-1])
                figures[label] = summary(theirs, ours[label]) | {"relative_l2": differences}
            yield


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, required=True, help="checkout of video_features")
    parser.add_argument("--peer_python", default=sys.executable, help="Python with its packages (default: this one)")
    parser.add_argument("--clips", nargs="+", type=Path, required=True, help="videos to run on")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="(default: all)")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=["default"], help="of our command")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default: 5)")
    parser.add_argument("--copies", type=int, default=1, help="of each video in the list (default: 1)")
    parser.add_argument("--our_copies", type=int, help="in our list (default: as in theirs)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="for everything (default: no limit)")
    parser.add_argument("--limit", type=float, default=math.inf, help="seconds of a command (default: no limit)")
    parser.add_argument("--cold", action="store_true", help="skip the warm-up pair, for long cases")
    parser.add_argument("--files", type=Path, help="folder of checkpoints (default: random weights)")
    parser.add_argument("--facts", type=Path, help="JSON file of facts about the peer, put among the results")
    parser.add_argument("--name", default="compare", help="name of the results file (default: compare)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("ours", nargs=argparse.REMAINDER, help="after --: more flags for our command")
    options = parser.parse_args(arguments)
    options.our_copies = options.our_copies or options.copies
    return options


def facts_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures belong to."""
    facts: dict[str, Any] = {"device": torch.cuda.get_device_name()} if options.device == "cuda" else {}
    facts |= {"peer_commit": record.git_commit(options.peer), "clips": [clip.name for clip in options.clips]}
    facts |= {key: getattr(options, key) for key in ("pairs", "copies", "our_copies", "cold")}
    facts |= {"our_flags": [argument for argument in options.ours if argument != "--"]}
    return facts | (json.loads(options.facts.read_text()) if options.facts else {})


def line(label: str, figures: dict[str, Any]) -> str:
    """Return the figures of a case as a line."""
    if "ratio_of_medians" not in figures:
        return f"{label:24} failed"
    keys = ("ratio_of_medians", "ratio_of_steady", "peer_steady_per_s", "our_steady_per_s")
    ratio, steady, peer_per_s, our_per_s = (figures[key] or math.nan for key in keys)
    differences = ", ".join(f"{key} {value:.1e}" for key, value in figures["relative_l2"].items()) or "not compared"
    rates = f"steady {steady:6.2f} x ({our_per_s:.2f} against {peer_per_s:.2f} windows/s)"
    return f"{label:24} {ratio:6.2f} x   {rates}   differences: {differences}"


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures. SystemExit with 1 if a command failed or no time was left for it."""
    start_s = time.monotonic()
    options = parsed(arguments)
    facts = facts_of(options)
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as work:
        files, peer = (options.files or options.peer / "seeded_noise").resolve(), options.peer.resolve()
        for name in options.cases:
            for variant in options.variants:
                peer_files.prepare(VARIANTS[variant](CASES[name]).files, files, peer)
        extra, end_s = tuple(facts["our_flags"]), start_s + options.seconds
        commands = Commands(peer, options.peer_python, files, Path(work), extra, options.device, options.limit, end_s)
        waves = wave_files(options.clips, Path(work)) if "vggish" in options.cases else []
        for name in options.cases:
            media = waves if CASES[name].media == "audio" else [clip.resolve() for clip in options.clips]
            with noted(figures, name):
                for _ in compare(commands, name, media, options, figures):
                    record.write(options.name, facts | {"cases": figures}, options.results)
    print("\n".join(line(*each) for each in figures.items()))
    if any("error" in each for each in figures.values()):
        record.write(options.name, facts | {"cases": figures}, options.results)
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
