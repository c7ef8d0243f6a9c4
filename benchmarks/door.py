"""The Python interface beside the command: its rate, and what many calls leave behind.

    python -m benchmarks.door --pairs 5 --copies 20 -- --feature_type resnet --model_name resnet18 [CLIP]
    python -m benchmarks.door --calls 1000 -- --feature_type vggish [CLIP]

After -- come a feature type, its flags with a value each, and a clip; without one, a small clip of --clip_s seconds
with a tone is made. With --pairs, the command and `Extractor.map` take turns on copies of the clip; both are timed from
the start of their process to its end. With --calls, one extractor is called so often.

    python -m benchmarks.door --golden

checks that both give the same bits on the clips of golden cases, for every feature type; some minutes on two cores.
"""

import argparse
import gc
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks import record
from benchmarks.memory import write_video
from models import MODELS

ROOT = Path(__file__).parent.parent
PICTURES, SOUND = ("i3d_pipeline", "case_video_120x160"), ("vggish_audio", "case_mp4_priming")
CASES = {"slowfast": ("slowfast_e2e", "case_seed003"), "vggish": SOUND, "panns": SOUND}  # of the others: PICTURES
FLAGS: dict[str, dict[str, Any]] = {
    "i3d": {"stack_size": 16, "step_size": 16, "flow_type": "raft"},
    "panns": {"window_s": 1},
    "slowfast": {"preset": "squash", "clip_len": 2},
    "timm": {"model_name": "test_vit"},
    "raft": {"side_size": 128, "extraction_fps": 2},
}
MAP = """
import ast, sys, featmill
feature_type, flags, *clips = sys.argv[1:]
with featmill.Extractor(feature_type, weights="random", **ast.literal_eval(flags)) as extractor:
    assert all(video.status == "done" for video in extractor.map(clips))
"""


def seconds(*command: str, folder: Path) -> float:
    """Return how long a command takes. Its bytecode is kept, as on a user's machine."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=outside | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    return time.perf_counter() - start


def rate(feature_type: str, flags: dict[str, str], clip: Path, pairs: int, copies: int) -> dict[str, object]:
    """Return the seconds of the command and of `map`, each pair in turn, and the median of their ratios."""
    took: dict[str, list[float]] = {"command": [], "map": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [str(shutil.copy(clip, folder / f"{i}{clip.suffix}")) for i in range(copies)]
        typed = [word for key, value in flags.items() for word in (f"--{key}", value)]
        commands = {
            "command": [
                str(ROOT / "main.py"), "--feature_type", feature_type, *typed, "--weights", "random",
                "--output_path", "out", "--overwrite", "--video_paths", *clips,
            ],
            "map": ["-W", "ignore", "-c", MAP, feature_type, repr(flags), *clips],
        }  # fmt: skip
        for turn in range(pairs):
            for which in sorted(commands, reverse=bool(turn % 2)):
                took[which].append(seconds(sys.executable, *commands[which], folder=folder))
    ratios = [command / mapped for command, mapped in zip(took["command"], took["map"], strict=True)]
    print(f"map reaches {statistics.median(ratios):.3f} of the command's rate")
    return {"seconds": took, "ratio": round(statistics.median(ratios), 3)}


def held(when: str) -> dict[str, object]:
    """Return, and print, what this process holds: threads of the system and of Python, open files, resident MiB."""
    gc.collect()
    process = psutil.Process()
    found = {
        "when": when,
        "threads": process.num_threads(),
        "python_threads": threading.active_count(),
        "files": process.num_fds(),
        "mib": round(process.memory_info().rss / 2**20, 1),
    }
    print(*(f"{value:>20}" for value in found.values()), flush=True)
    return found


def left(feature_type: str, flags: dict[str, str], clip: Path, calls: int) -> dict[str, object]:
    """Return what is held before, while and after one extractor is called so often."""
    import featmill

    print(*(f"{name:>20}" for name in ("", "threads", "of Python", "open files", "MiB")))
    found, start = [held("before")], time.perf_counter()
    with featmill.Extractor(feature_type, weights="random", **flags) as extractor:
        for i in range(1, calls + 1):
            extractor(clip)
            if i in (1, calls // 10, calls // 2, calls):
                found.append(held(f"after call {i}"))
    found.append(held("closed"))
    took = round((time.perf_counter() - start) / calls, 4)
    print(f"{took:g} s per call")
    return {"held": found, "seconds_per_call": took}


def golden() -> None:
    """Compare the command with `Extractor.map`, bit for bit; AssertionError where a value differs."""
    from support.door import check_same_in_python
    from support.golden import case

    for feature_type in sorted(MODELS.keys() - {"transformers"}):  # whose weights are the user's choice
        flags = FLAGS.get(feature_type, {})
        with tempfile.TemporaryDirectory() as name:
            clip = Path(name) / "clip.mp4"
            clip.write_bytes(case(*CASES.get(feature_type, PICTURES))[0]["input_mp4"].tobytes())
            typed = [str(word) for key, value in flags.items() for word in (f"--{key}", value)]
            seconds(
                sys.executable, str(ROOT / "main.py"), "--feature_type", feature_type, *typed, "--weights", "random",
                "--device", "cpu", "--output_path", "out", "--video_paths", str(clip), folder=Path(name),
            )  # fmt: skip
            check_same_in_python(Path(name) / "out" / feature_type, feature_type, [clip], weights="random", **flags)
        print(f"{feature_type}: the same bits", flush=True)


def main(arguments: list[str]) -> None:
    """Measure, print and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=0, help="turns of command and map")
    parser.add_argument("--copies", type=int, default=20, help="of the clip (default: 20)")
    parser.add_argument("--calls", type=int, default=0, help="calls of one extractor")
    parser.add_argument("--golden", action="store_true", help="compare bits on the clips of golden cases")
    parser.add_argument("--clip_s", type=float, default=1, help="seconds of the clip that is made (default: 1)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: --feature_type TYPE, flags, [CLIP]")
    options = parser.parse_args(arguments)
    if options.golden:
        golden()
        return
    typed = [word for word in options.command if word != "--"]
    with tempfile.TemporaryDirectory() as name:
        clip = Path(typed.pop()) if len(typed) % 2 else write_video(Path(name) / "clip.mp4", options.clip_s / 60)
        measure(options, typed, clip)


def measure(options: argparse.Namespace, typed: list[str], clip: Path) -> None:
    """Measure what is asked for with a feature type, its flags, and a clip."""
    flags = dict(zip((name.removeprefix("--") for name in typed[::2]), typed[1::2], strict=True))
    feature_type = flags.pop("feature_type")
    figures: dict[str, object] = {"feature_type": feature_type, "flags": flags}
    if options.pairs:
        figures |= rate(feature_type, flags, clip, options.pairs, options.copies)
    if options.calls:
        figures |= left(feature_type, flags, clip, options.calls)
    record.write(f"door-{feature_type}", figures, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
