"""I3D of RGB on 720p and 1080p H.264: the worker's pipeline with `--decode gpu` against `--decode exact`."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import torch

from benchmarks.measured import Measured, Run
from benchmarks.on_gpu.common import Busy, Options, Out
from models import MODELS
from utils.commands.cli import parse
from utils.sources.inputs import collect

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}  # (width, height) in pixels
TINY = {"tiny": (160, 120)}
CLIP_S = 10.0
SECONDS = 4.0  # of a measured run
ON_CPU = "decoded on the CPU"  # how the note of a video begins that the GPU does not decode


@dataclass(frozen=True)
class Try:
    """What to measure: --decode, and --decode_threads, None for our choice."""

    decode: str
    threads: int | None = None


TRIES = [Try("exact"), Try("gpu"), Try("gpu", 8), Try("gpu", 4)]


def measure(out: Out, options: Options) -> None:
    """Measure each size in turn, first what the others are compared with."""
    sizes = TINY if options.tiny else SIZES
    clips: dict[str, Path] = {}
    with out.guarded(name="clips"), ThreadPoolExecutor(len(sizes)) as pool:
        start = time.perf_counter()
        written = {name: pool.submit(_scaled, options, name, size) for name, size in sizes.items()}
        clips = {name: path.result() for name, path in written.items()}
        out.row(name="clips", seconds=time.perf_counter() - start)
    exact: dict[str, Run] = {}
    for one in TRIES if options.on_gpu else TRIES[:1]:
        for name, clip in clips.items():
            what = {"name": f"{name} --decode {one.decode}", "threads": one.threads}
            if out.left_s() < 12:
                out.row(**what, error="no time left")
                continue
            with out.guarded(**what):
                _pipeline(out, options, what, clip, one, exact)


def _scaled(options: Options, name: str, size: tuple[int, int]) -> Path:
    """Write the first clip as H.264 of another size, from its start again until it is long enough."""
    source, path = options.clips()[0], options.scratch / f"decode_gpu_{name}.mp4"
    with av.open(str(source)) as given, av.open(str(path), "w") as container:
        rate = given.streams.video[0].average_rate or Fraction(25)
        video = cast(av.VideoStream, container.add_stream("libx264", rate=rate, options={"preset": "veryfast"}))
        (video.width, video.height), video.pix_fmt = size, "yuv420p"
        n_frames, number = round((1.0 if options.tiny else CLIP_S) * rate), 0
        while number < n_frames:
            given.seek(0)
            for frame in given.decode(video=0):
                scaled = frame.reformat(*size, format="yuv420p")
                scaled.pts, scaled.time_base = number, 1 / rate
                container.mux(video.encode(scaled))
                number += 1
                if number == n_frames:
                    break
        container.mux(video.encode())
    return path


def _pipeline(out: Out, options: Options, what: dict, clip: Path, one: Try, exact: dict[str, Run]) -> None:
    """Measure the pipeline of this process on copies of a clip."""
    precision = "bf16" if options.on_gpu else "float32"
    flags = ["--feature_type", "i3d", "--streams", "rgb", "--weights", "random", "--device", options.device]
    flags += ["--precision", precision, "--decode", one.decode, "--video_paths", str(clip)]
    flags += ["--decode_threads", str(one.threads)] if one.threads else []
    # many small windows: of a few large ones, all of which end at once, no rate can be told
    flags += ["--stack_size", "16", "--step_size", "16"]
    run, configs = parse(flags, MODELS)
    ((feature_type, config),) = configs.items()
    refs = list(collect(run, {"frames"}).refs())
    warm_up = refs * (6 if options.on_gpu else 1)  # every shape comes often, so that graphs are captured
    measured = Measured(run, feature_type, config, warm_up, records=False)
    with Busy(options.on_gpu) as busy:
        ran = measured.pipeline_run(SECONDS if options.on_gpu else 0)
    row = {"windows_per_s": ran.windows_per_s, "decoded_per_s": ran.windows_per_s * ran.n_decoded / ran.n_windows}
    row |= {"copies": ran.n_videos}
    row |= {"stages": {stage: round(s / ran.seconds, 3) for stage, s in ran.stages.items()}}
    if one.decode == "exact":
        exact[clip.name] = ran
    elif clip.name in exact:
        row |= _compared(ran, exact[clip.name])
    out.row(**what | {"threads": measured.n_decoders}, precision=precision, **row, **busy.result(*ran.steady_s))
    if options.on_gpu:
        torch.cuda.empty_cache()


def _compared(ran: Run, exact: Run) -> dict[str, object]:
    """Return how much faster a run is, how far its features are off, and what the CPU decoded for it and why."""
    (ours,), (expected,) = ([array for name, array in each.arrays.items() if name == "rgb"] for each in (ran, exact))
    error = float(np.abs(ours - expected).max() / np.abs(expected).max())
    notes = {text: n for text, n in ran.problems.items() if text.startswith(ON_CPU)}
    faster = ran.windows_per_s / exact.windows_per_s
    row = {"of_exact": faster, "relative_error": error, "equal": bool(np.array_equal(ours, expected))}
    return {**row, "fell_back": sum(notes.values()), "notes": notes, "ok": error < 1e-2 and not notes}
