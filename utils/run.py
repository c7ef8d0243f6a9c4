"""One run from settings to exit code: what to do, what is done already, who does it, what came of it."""

import dataclasses
import json
import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from utils import collected, devices, manifest
from utils.config import Config, RunConfig, output_settings
from utils.download_bar import DownloadBar
from utils.errors import FramemillError, RunError, UserError, VideoError
from utils.files import check_writable, whole_file
from utils.plan import Plan
from utils.progress import RunProgress, printable
from utils.registry import Model
from utils.runner import Interrupted, Runner, Totals
from utils.sources import collect
from utils.sources.ref import VideoRef
from utils.weights import locate, sha256_of

VERSION = "0.1.0"
RANDOM_WARNING = "--weights random: THE NETWORKS ARE FILLED WITH SEEDED NOISE, THE FEATURES MEAN NOTHING."


def run(config: RunConfig, model_config: Config, model: Model) -> int:
    """Extract, and return the exit code: 0, or 1 if a video failed.

    Raises:
        FramemillError: the request is wrong (before any work), or the machine fails.
    """
    if config.out is not None:
        collected.check_suffix(config.out)
        if config.on_extraction == "print":  # what --out gathers has to be kept somewhere
            config = dataclasses.replace(config, on_extraction="save_numpy")
    listed = collect(config)
    refs = list(dict.fromkeys(listed))
    chosen, device_note = devices.choose(config)
    checkpoints = find_checkpoints(config, model_config, model)
    settings = _settings(config, model_config, checkpoints)
    folder = Path(config.output_path) / config.feature_type
    todo = _todo(config, refs, folder, settings)
    plan = Plan(
        extractor=model.extractor,
        run=config,
        config=model_config,
        checkpoints=checkpoints,
        folder=folder,
        frames_folder=Path(config.tmp_path) / config.feature_type if config.keep_frames else None,
        n_threads=devices.threads_per_worker(chosen),
        decode_threads=devices.decode_threads(config, chosen),
        facts={
            "feature_type": config.feature_type,
            "settings_hash": manifest.settings_hash(settings),
            "weights": settings["weights"],
            "on_extraction": config.on_extraction,
            "version": VERSION,
            **({"warning": RANDOM_WARNING} if config.weights == "random" else {}),
        },
    )
    progress = RunProgress(len(todo), config.quiet)
    if config.weights == "random":
        progress.warn(RANDOM_WARNING)
    if device_note:
        progress.note(device_note)
    if len(todo) < len(refs):
        progress.note(f"{len(refs) - len(todo)} of {len(refs)} videos are done already, in {folder}")
    exit_code = _extract(plan, todo, chosen, settings, progress)
    if config.out is not None and exit_code in (0, VideoError.exit_code):
        collected.write_list(config.out, folder, listed, manifest.Manifest(folder).latest())
    return exit_code


def _extract(
    plan: Plan, todo: list[VideoRef], chosen: list[str], settings: dict[str, Any], progress: RunProgress
) -> int:
    if plan.run.on_extraction != "print":
        check_writable(plan.folder)
    runner = Runner(plan, todo, progress)
    start_s = time.monotonic()
    error: FramemillError | Interrupted | None = None
    with progress:
        try:
            if todo:
                runner.run(chosen[: len(todo)])
        except (FramemillError, Interrupted) as caught:
            error = caught
    if isinstance(error, UserError) and not runner.totals.windows:
        raise error  # refused before any work, such as by a checkpoint of another layout: there is nothing to sum up
    seconds = time.monotonic() - start_s
    if plan.run.on_extraction != "print" and todo:
        try:
            _write_run_file(plan, settings, chosen, runner.totals, seconds)
        except RunError as caught:  # as a rule the end of what stopped the run already
            error = error or caught
    print(printable(summary(plan, runner.totals, len(todo), seconds, error)))
    if error is not None:
        if isinstance(error, FramemillError):
            raise error
        return error.exit_code
    return 1 if runner.totals.failed else 0


def find_checkpoints(config: RunConfig, model_config: Config, model: Model) -> dict[str, Path | None]:
    """Return the checkpoints that the configuration uses, downloaded where needed; None for random weights.

    Raises:
        UserError: a file is missing and cannot be downloaded.
    """
    found: dict[str, Path | None] = {}
    for name, need in model.needs(model_config).items():
        if config.weights == "random" and need.named is None and need.can_be_random:
            found[name] = None
            continue
        with DownloadBar(need.published.name) as report:
            found[name] = locate(need.published, need.named, config.weights_dir, report)
    return found


def _settings(config: RunConfig, model_config: Config, checkpoints: dict[str, Path | None]) -> dict[str, Any]:
    """Return all that decides what the features are."""
    weights = {name: sha256_of(path) if path else "random" for name, path in checkpoints.items()}
    return {"feature_type": config.feature_type, **output_settings(model_config), "weights": weights}


def _todo(config: RunConfig, refs: list[VideoRef], folder: Path, settings: dict[str, Any]) -> list[VideoRef]:
    if config.on_extraction == "print" or config.overwrite:
        return refs
    latest = manifest.Manifest(folder).latest()
    manifest.refuse_mixing(folder, latest, settings)
    own = manifest.settings_hash(settings)
    return [ref for ref in refs if not manifest.is_done(latest.get(ref.id), ref, folder, own, config.on_extraction)]


def _write_run_file(plan: Plan, settings: dict[str, Any], chosen: list[str], totals: Totals, seconds: float) -> None:
    versions = {name: metadata.version(name) for name in ("torch", "torchvision", "av", "numpy")}
    content = {
        "settings_hash": plan.facts["settings_hash"],
        "settings": settings,
        "versions": {"framemill": VERSION, "python": platform.python_version(), **versions},
        "devices": chosen,
        "totals": {name: getattr(totals, name) for name in ("done", "partial", "skipped", "failed", "windows")},
        "seconds": round(seconds, 3),
    }
    path = plan.folder / f"run-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.json"
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=1, default=str).encode())


def summary(
    plan: Plan, totals: Totals, n_videos: int, seconds: float, error: FramemillError | Interrupted | None
) -> str:
    """Return the last lines of a run: how many videos, which ones are not simply done and why, what to do."""
    counted = {name: getattr(totals, name) for name in ("done", "partial", "skipped", "failed")}
    left = n_videos - sum(counted.values())
    parts = [f"{number} {name}" for name, number in counted.items() if number or name == "done"]
    parts += [f"{left} not done"] if left else []
    lines = [f"{n_videos} videos in {seconds:.1f} s: {', '.join(parts)}; {totals.windows} windows"]
    lines += [f"  {line['status']}: {line['reason']}" for line in totals.lines]
    if plan.run.on_extraction != "print":
        lines.append(f"outputs and manifest.jsonl in {plan.folder}")
    if plan.run.weights == "random":
        lines.append(RANDOM_WARNING)
    if isinstance(error, Interrupted):
        lines.append(f"stopped by {error}; run the same command again to go on")
    elif totals.failed and error is None:
        lines.append("run the same command again to try the failed ones once more; the others are kept")
    return "\n".join(lines)
