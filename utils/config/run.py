"""The settings that every feature type shares."""

import re
from dataclasses import dataclass

from utils.config import ray_flags, row_flags
from utils.config.array_job import part_of_list
from utils.config.schema import Config, flag
from utils.errors import UserError


@dataclass(frozen=True)
class RunConfig(Config):
    """What every feature type shares: input, devices, output, weights."""

    feature_type: list[str] = flag(
        [],
        "features to extract; with several, each video is decoded once for all of them",
        group="what",
        metavar="TYPE",
    )
    config: str | None = flag(
        None, "YAML file with any of these flags as keys; flags win over the file", group="what", metavar="FILE"
    )
    recipe: str | None = flag(
        None,
        "published feature set to reproduce: feature types and settings under one name, listed by the command recipes; "
        "or a YAML file like those in recipes/",
        group="what",
        shapes_output=False,
        metavar="NAME",
    )
    unlike_recipe: bool = flag(
        False,
        "accept flags that change what --recipe gives; manifests record which",
        group="what",
        shapes_output=False,
    )
    video_paths: list[str] = flag(
        [],
        "video or audio files, or folders of numbered frames (DIR or DIR/img_%05d.jpg)",
        group="input",
        metavar="PATH",
    )
    file_with_video_paths: str | None = flag(
        None,
        "list of videos: a text file with one path per line (blank lines and lines that start with # are ignored), or "
        "a .csv, .jsonl or .parquet file with a column path, and optionally start_s, end_s (seconds) and id",
        group="input",
        aliases=("video_list",),
        metavar="FILE",
    )
    input_dir: str | None = flag(None, "folder to search for videos, subfolders included", group="input", metavar="DIR")
    glob: list[str] = flag(
        [],
        "names to look for in --input_dir and in tars, in upper or lower case (default: the usual suffixes of videos, "
        "and of sound files where a feature type wants sound)",
        group="input",
        metavar="PATTERN",
    )
    video_root: str | None = flag(
        None, "folder that paths are relative to; outputs keep its subfolders", group="input", metavar="DIR"
    )
    frames_fps: float = flag(
        25.0, "frames per second of folders of frames", group="input", above=0, at_most=1000, metavar="FPS"
    )
    tar_path: list[str] = flag(
        [],
        "tar shards of clips: paths or addresses with {000000..000099} ranges or * patterns",
        group="input",
        metavar="FILE",
    )
    meta_path: str | None = flag(
        None, "folder with the shards' .json metadata (default: next to each tar)", group="input", metavar="DIR"
    )
    hf_dataset: str | None = flag(
        None, "Hugging Face data set: its name, or a local folder", group="input", metavar="NAME"
    )
    hf_split: str = flag("train", "split of --hf_dataset", group="input", metavar="NAME")
    hf_config: str | None = flag(None, "configuration of --hf_dataset", group="input", metavar="NAME")
    hf_video_column: str | None = flag(
        None,
        "column of --hf_dataset with videos, bytes or paths (default: the first that has any)",
        group="input",
        metavar="NAME",
    )
    hf_audio_column: str | None = flag(
        None,
        "column of --hf_dataset that feature types of sound take (default: the first of sound, else that of videos)",
        group="input",
        metavar="NAME",
    )
    no_audio: str = flag(
        "fail",
        "a video without sound, where a feature type wants sound: record it as failed, or as skipped (no failure)",
        group="tracks",
        choices=("fail", "skip"),
    )
    video_track: str | None = flag(
        None,
        "which video track of a file with several: its number, from 0, or its language, such as eng or en (default: "
        "FFmpeg's choice, mostly the track with the default flag)",
        group="tracks",
        metavar="TRACK",
    )
    audio_track: str | None = flag(
        None, "which audio track of a file with several, named as for --video_track", group="tracks", metavar="TRACK"
    )
    max_pixels: int = flag(
        1 << 26,
        "pixels per frame; a video whose header says more is refused",
        group="limits",
        at_least=1,
        metavar="PIXELS",
    )
    max_seconds: float = flag(
        86400.0,
        "seconds to extract of a video or segment; a longer one is cut there and recorded as partial",
        group="limits",
        at_least=0.001,
        metavar="SECONDS",
    )
    max_bytes: int = flag(
        1 << 36,
        "bytes of a video at a web or store address; a larger one is refused, even where the size is not announced",
        group="limits",
        at_least=1,
        metavar="BYTES",
    )
    video_timeout: float = flag(
        600.0,
        "seconds to wait for the decoder's next frames before the video fails",
        group="limits",
        at_least=1,
        metavar="SECONDS",
    )
    limit: int | None = flag(
        None, "stop after this many videos; -1: all", group="runs", at_least=1, also=-1, note="or -1 for all"
    )
    shard: str | None = flag(
        None,
        "process part I (from 0) of N of the list, for machines that share an output folder; auto: as the array job of "
        "Slurm, Grid Engine or LSF says (PBS: auto/N)",
        group="runs",
        metavar="I/N|auto",
    )
    check_progress: str | None = flag(
        None,
        "text file with a line per finished video: videos in it are skipped, new ones are added",
        group="runs",
        metavar="FILE",
    )
    device_ids: list[int] = flag(
        [], "GPUs to use, one process each (default: every visible GPU, else the CPU)", group="devices", metavar="ID"
    )
    device: str = flag(
        "auto",
        "cpu forces CPU workers; mps, Apple's GPUs, is untested",
        group="devices",
        choices=("auto", "cuda", "cpu", "mps"),
    )
    engine: str = flag(
        "local",
        "where workers run: on this machine, or on a Ray cluster",
        group="devices",
        choices=("local", "ray"),
        shapes_output=False,
    )
    num_workers: int | None = flag(
        None,
        "processes on the CPU, or per GPU (default: 1); with --engine ray, the most workers in all (default: as many "
        "as the cluster has room for when the run starts)",
        group="devices",
        at_least=1,
    )
    ray_address: str = ray_flags.RAY_ADDRESS
    min_workers: int = ray_flags.MIN_WORKERS
    gpus_per_worker: float = ray_flags.GPUS_PER_WORKER
    cpus_per_worker: int | None = ray_flags.CPUS_PER_WORKER
    batch_size: int | None = flag(
        None, "windows per batch (default: the model's own choice)", group="devices", at_least=1
    )
    precision: str = flag(
        "auto",
        "number format of the networks: auto is float32 on CPUs, and on GPUs float32 with convolutions in TF32, as in "
        "PyTorch; float32 is exact everywhere; bf16 and fp16 are faster and round features (docs/performance.md says "
        "by how much); fp16 and tf32 need a GPU; features are saved as float32 in all of them",
        group="devices",
        choices=("auto", "float32", "tf32", "bf16", "fp16"),
    )
    compile: bool = flag(
        False, "compile the networks when they first run, for long runs; kept in the cache folder", group="devices"
    )
    decode_threads: int | None = flag(
        None, "videos decoded at once per process (default: by the number of cores)", group="devices", at_least=1
    )
    max_retries: int = flag(
        1, "retries of a video after a worker crash, alone in its worker", group="devices", at_least=0
    )
    on_extraction: str = flag(
        "print",
        "what to do with the features; with --output_path, save_numpy is the default",
        group="output",
        choices=(
            "print",
            "save_numpy",
            "save_npz",
            "save_pickle",
            "save_h5",
            "save_parquet",
            "save_lance",
            "save_webdataset",
            "save_shards",
        ),
        shapes_output=False,
    )
    shard_keys: str = flag(
        "readme",
        "names in the rows of save_shards: those in ACAV100M's README, or those that its code writes",
        group="output",
        choices=("readme", "code"),
    )
    output_path: str = flag("./output", "folder for features and manifest", group="output", metavar="DIR")
    out: str | None = flag(
        None,
        "also write one .pkl, .json, .yaml or .npz file with the features of all videos, in list order",
        group="output",
        metavar="FILE",
    )
    tmp_path: str = flag("./tmp", "folder for --keep_frames", group="output", metavar="DIR")
    dtype: str = row_flags.DTYPE
    concat: bool = row_flags.CONCAT
    array_layout: str = row_flags.ARRAY_LAYOUT
    align: str | None = row_flags.ALIGN
    align_by: str = row_flags.ALIGN_BY
    align_ends: str = row_flags.ALIGN_ENDS
    name_template: str | None = row_flags.NAME_TEMPLATE
    save_times: bool = row_flags.SAVE_TIMES
    keep_frames: bool = flag(False, "write the sampled frames as PNG files into --tmp_path", group="output")
    overwrite: bool = flag(
        False, "extract again what is done, even over outputs made with other settings", group="output"
    )
    verify: bool = flag(
        False,
        "read all outputs of earlier runs before they count as done, not only those modified since they were written",
        group="runs",
    )
    json_progress: bool | str = flag(
        False,
        "a line of JSON every ten seconds, for dashboards: videos, windows, rates, workers; on standard error in place "
        "of the progress, or added to FILE",
        group="output",
        metavar="FILE",
        shapes_output=False,
        optional_value=True,
        note="a file, or nothing",
    )
    quiet: bool = flag(False, "no progress, only failures and the summary", group="output")
    weights: str = flag(
        "pretrained",
        "pretrained: published checkpoints; random: seeded noise, to try the set-up; the features mean nothing",
        group="weights",
        choices=("pretrained", "random"),
    )
    weights_dir: str | None = flag(
        None, "folder with checkpoints under their published names", group="weights", metavar="DIR"
    )

    @property
    def most_videos(self) -> int | None:
        """--limit as a number of videos; None for all."""
        return None if self.limit == -1 else self.limit

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shard is not None:
            part_of_list(self.shard)
        for name in ("video_track", "audio_track"):
            _check_track(name, getattr(self, name))
        ray_flags.check_engine(vars(self))
        if self.device == "cpu" and self.device_ids:
            raise UserError("--device cpu and --device_ids exclude each other: drop one of them")


def _check_track(name: str, track: str | None) -> None:
    """Raise UserError unless --video_track or --audio_track is a number, or looks like a language."""
    if track is not None and re.fullmatch(r"\d{1,3}|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", track) is None:
        raise UserError(f"--{name} is {track}; it must be a number from 0, or a language such as eng, en or en-US")
