"""The worker's pipeline on copies of a clip against its bare network; then whole commands with several workers."""

import time
from dataclasses import dataclass
from pathlib import Path

import av
import torch

from benchmarks.measured import Measured
from benchmarks.on_gpu.common import Busy, Options, Out
from benchmarks.on_gpu.runs import RunResult, run_main, with_sound
from benchmarks.on_gpu.waits import Waits
from models import MODELS
from utils.commands.cli import parse
from utils.sources.inputs import collect
from utils.worker.open_frames import CHUNK_FRAMES

FLAGS = {
    "i3d rgb": ("--feature_type", "i3d", "--streams", "rgb"),
    "i3d rgb + pwc": ("--feature_type", "i3d"),
    "i3d rgb + raft": ("--feature_type", "i3d", "--flow_type", "raft"),
    "i3d rgb + raft, 64/16": ("--feature_type", "i3d", "--flow_type", "raft", "--step_size", "16"),
    "swin, center crop": ("--feature_type", "swin", "--crop_type", "center"),
    **{name: ("--feature_type", name) for name in ("slowfast", "resnet", "clip", "vggish")},
}


@dataclass(frozen=True)
class Try:
    """What to measure: a key of FLAGS; without workers, in this process; the height of the clip, or the nearest.

    seconds: of a measured run. chunk_frames: most of a chunk.
    """

    name: str
    precision: str
    workers: int = 0
    height: int = 256
    seconds: float = 3.0
    chunk_frames: int = 64


ORDER = [
    Try("i3d rgb", "bf16"),
    Try("i3d rgb + pwc", "bf16", seconds=6.0),
    *(Try("clip", "bf16", chunk_frames=n) for n in (64, 256)),
    Try("i3d rgb + raft, 64/16", "auto", seconds=6.0),
    Try("i3d rgb + raft", "bf16", seconds=8.0),
    Try("i3d rgb", "bf16", height=360),
    Try("resnet", "bf16"),
    Try("slowfast", "bf16"),
    *(Try(name, "bf16", chunk_frames=256) for name in ("resnet", "i3d rgb")),
    Try("i3d rgb + pwc", "bf16", height=360),
    Try("i3d rgb", "auto"),
    Try("i3d rgb + pwc", "auto"),
    Try("vggish", "bf16"),
    Try("swin, center crop", "bf16"),
    *(Try("i3d rgb", "bf16", workers) for workers in (1, 2, 3)),
]
DECODE_S = 2.5  # of the decode threads alone
N_COPIES = 60  # of each clip, for whole commands
LEAST_S = {"pipeline": 8, "command": 25}  # that measuring one takes


def measure(out: Out, options: Options) -> None:
    """Measure in the order of what matters."""
    on_cpu = [Try("vggish" if options.tiny else "i3d rgb", "float32")]
    for one in ORDER if options.on_gpu else on_cpu:
        what = {"name": one.name, "precision": one.precision, "workers": one.workers, "height": one.height}
        if out.left_s() < LEAST_S["command" if one.workers else "pipeline"]:
            out.row(**what, error="no time left")
            continue
        with out.guarded(**what):
            if one.workers:
                _command(out, options, one)
            else:
                _pipeline(out, options, one)
        if options.on_gpu:
            torch.cuda.empty_cache()


def _pipeline(out: Out, options: Options, one: Try) -> None:
    """Measure the pipeline of this process, its network alone on the same windows, and its decode threads alone."""
    CHUNK_FRAMES["cuda"] = one.chunk_frames
    flags = [*FLAGS[one.name], "--weights", "random", "--device", options.device, "--precision", one.precision]
    flags += ["--max_seconds", "2"] if options.tiny else []
    clips = with_sound(options.clips()) if one.name == "vggish" else [_of_height(options.clips(), one.height)]
    run, configs = parse([*flags, "--video_paths", *map(str, clips)], MODELS)
    ((feature_type, config),) = configs.items()
    refs = list(collect(run, {"audio" if one.name == "vggish" else "frames"}).refs())
    start = time.perf_counter()
    # Every shape comes often, so that graphs are captured before anything is measured.
    measured = Measured(run, feature_type, config, refs * (6 if options.on_gpu else 1), is_quick=True)
    load_s, measured.refs = time.perf_counter() - start, refs
    with Busy(options.on_gpu) as busy, Waits() as waits:
        ran = measured.pipeline_run(one.seconds if options.on_gpu else 0)
    decode_per_s = ran.n_windows / ran.n_decoded * measured.decoded_per_s(DECODE_S if options.on_gpu else 0)
    bare_per_s, per_s = measured.n_recorded / measured.network_s(), ran.windows_per_s
    stages = {stage: round(seconds / ran.seconds, 3) for stage, seconds in ran.stages.items()}
    row = {"windows_per_s": per_s, "bare_per_s": bare_per_s, "share_of_bare": per_s / bare_per_s, "load_s": load_s}
    row |= {"decode_per_s": decode_per_s, "share_of_smaller": per_s / min(bare_per_s, decode_per_s)}
    row |= {"decoded_per_s": per_s * ran.n_decoded / ran.n_windows, "threads": measured.n_decoders}
    row |= {
        "clip": clips[0].name,
        "copies": ran.n_videos,
        "chunk_frames": one.chunk_frames,
        "total_s": time.perf_counter() - start,
    }
    row |= {"stages": stages, "waits": waits.shares(measured.n_decoders)}
    out.row(name=one.name, precision=one.precision, **row, **busy.result(*ran.steady_s))


def _of_height(clips: list[Path], height: int) -> Path:
    """Return the clip of this height, or of the nearest."""

    def off(clip: Path) -> int:
        with av.open(str(clip)) as container:
            return abs(container.streams.video[0].height - height)

    return min(clips, key=off)


def _command(out: Out, options: Options, one: Try) -> None:
    """Measure main.py with several workers on a GPU: what a long list takes more than a short one."""
    folder = _copies(options)
    few, where = sorted(folder.glob("*_00[0-5].mp4")), options.scratch / f"e2e_{one.workers}"
    flags = [*FLAGS[one.name], "--num_workers", str(one.workers), "--video_paths"]

    def run(name: str, clips: list[Path]) -> RunResult:
        time_s = max(5, out.left_s())
        return run_main(where / name, "cuda", *flags, *map(str, clips), timeout_s=time_s, precision=one.precision)

    short = run("few", few)
    with Busy(True) as busy:
        long = run("all", sorted(folder.glob("*.mp4")))
    if wrong := short.wrong or long.wrong:
        raise RuntimeError(wrong)
    n_short, n_long = (sum(map(len, _features(ran.arrays))) for ran in (short, long))
    per_s = (n_long - n_short) / max(long.seconds - short.seconds, 1e-3)
    row = {"workers": one.workers, "seconds": long.seconds, "windows_per_s": per_s}
    out.row(name=f"main.py {one.name}", precision=one.precision, **row, **busy.result())


def _features(arrays: dict) -> list:
    return [array for name, array in arrays.items() if name.endswith("_rgb.npy")]


def _copies(options: Options) -> Path:
    """Return a folder with links to each clip under many names."""
    folder = options.scratch / "copies"
    if not folder.exists():
        folder.mkdir()
        for clip in options.clips():
            for i in range(N_COPIES):
                (folder / f"{clip.stem}_{i:03d}.mp4").symlink_to(clip.resolve())
    return folder
