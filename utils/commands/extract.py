"""One run from settings to exit code: what to do, what is done already, who does it, what came of it."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import devices
from utils.engines.local import Runner
from utils.engines.spawn import WorkerStarter
from utils.errors import FeatmillError, Interrupted, RunError, UserError, VideoError
from utils.extractors.registry import Model
from utils.run.done_list import DoneList
from utils.run.input_folders import InputFolders
from utils.run.merging import Merger, merger_of
from utils.run.output_state import OutputState
from utils.run.progress import RunProgress, printable
from utils.run.results import Results
from utils.run.settings import Settings, find_checkpoints, settings_of
from utils.run.shard_marks import is_finished
from utils.run.summary import RANDOM_WARNING, summary
from utils.run.todo import Todo
from utils.sinks import list_file
from utils.sinks.acav import acav_names
from utils.sinks.formats import check_kind
from utils.sinks.readback import OutputReader
from utils.sources.inputs import collect
from utils.state import manifest
from utils.state.claims import Claims
from utils.state.resume import refuse_mixing
from utils.state.run_file import VERSION, RunFiles
from utils.storage.files import check_writable
from utils.storage.folder import folder_at
from utils.storage.urls import base_name
from utils.worker.plan import FeaturePlan, Plan


@dataclass(frozen=True)
class Requested:
    """One feature type as the command asks for it."""

    feature_type: str
    model: Model
    config: Config


def run(config: RunConfig, requested: Sequence[Requested], workers: WorkerStarter) -> int:
    """Extract, and return the exit code: 0, or 1 if a video failed.

    workers: starts the worker processes.

    Raises:
        FeatmillError: the request is wrong (before any work), or the machine fails.
    """
    if config.on_extraction == "save_shards" and not config.tar_path:
        raise UserError("--on_extraction save_shards writes a file per tar shard: give --tar_path, or another format")
    if config.out is not None:
        list_file.check_suffix(config.out)
        if config.on_extraction == "print":  # what --out gathers has to be kept somewhere
            config = dataclasses.replace(config, on_extraction="save_numpy")
    chosen, device_note = devices.choose(config)
    one_run = _Run(config, requested, chosen, workers)
    if config.weights == "random":
        one_run.progress.warn(RANDOM_WARNING)
    if device_note:
        one_run.progress.note(device_note)
    return one_run.extract()


class _Run:
    """The parts of one run, made in the order in which they can refuse it."""

    def __init__(
        self, config: RunConfig, requested: Sequence[Requested], chosen: list[str], workers: WorkerStarter
    ) -> None:
        self._config = config
        self._workers = workers
        self._chosen = chosen
        self._kept: list[OutputState] = []
        self._root = folder_at(config.output_path)
        self._inputs = collect(config, self._is_finished)
        self._files = RunFiles()
        self._settings: dict[str, Settings] = {}
        features = tuple(self._feature(one) for one in requested)
        self._plan = Plan(
            run=config,
            features=features,
            n_threads=devices.threads_per_worker(chosen),
            decode_threads=devices.decode_threads(config, chosen),
        )
        self._progress_file = DoneList(config.check_progress) if config.check_progress else None
        if self._plan.keeps_files:
            self._kept = [self._look_up(feature) for feature in features]
        self.progress = RunProgress(self._inputs.total, config.quiet)

    def _is_finished(self, tar: str) -> bool:
        """Return whether nothing is left to do of a tar shard."""
        if self._config.on_extraction != "save_shards" or self._config.overwrite:
            return False
        return is_finished(self._root, PurePath(base_name(tar)).stem, tar, self._kept)

    def _feature(self, one: Requested) -> FeaturePlan:
        config = self._config
        check_kind(config.on_extraction, one.feature_type, one.model.outputs)
        checkpoints = find_checkpoints(config, one.config, one.model)
        settings = settings_of(one.feature_type, config, one.config, checkpoints)
        self._settings[one.feature_type] = settings
        return FeaturePlan(
            feature_type=one.feature_type,
            extractor=one.model.extractor,
            config=one.config,
            checkpoints=checkpoints,
            output=f"{config.output_path.rstrip('/')}/{one.feature_type}",
            described=acav_names(one.feature_type, one.model.media),
            frames_folder=Path(config.tmp_path) / one.feature_type if config.keep_frames else None,
            facts={
                "feature_type": one.feature_type,
                "settings_hash": manifest.settings_hash(settings),
                "weights": settings["weights"],
                "on_extraction": config.on_extraction,
                "run": self._files.id,
                "version": VERSION,
                **({"warning": RANDOM_WARNING} if config.weights == "random" else {}),
            },
        )

    def _look_up(self, feature: FeaturePlan) -> OutputState:
        """Return what is known of a type's outputs.

        Raises:
            UserError: they were made with other settings. RunError: the folder cannot be written.
        """
        folder = folder_at(feature.output)
        if folder.local is not None:
            check_writable(folder.local)
        latest = manifest.Latest(folder)
        if not self._config.overwrite:
            refuse_mixing(folder, latest, self._settings[feature.feature_type])
        return OutputState(feature, folder, latest, OutputReader(folder, self._root))

    def extract(self) -> int:
        """Do what is missing, and return the exit code."""
        start_s = time.monotonic()
        error: FeatmillError | Interrupted | None = None
        with self._claims() as claims:
            types = tuple(feature.feature_type for feature in self._plan.features)
            todo = Todo(self._inputs, self._config, types, self._kept, claims, self._progress_file)
            binding = merger_of(self._plan, self._root, self._kept, claims, todo)
            results = Results(
                self._plan, self._kept, todo, InputFolders(self._inputs.roots), claims, binding, self.progress
            )
            runner = Runner(self._plan, todo, results, self.progress, self._workers)
            with self.progress:
                try:
                    if runner.anything_to_do(len(self._chosen)):
                        self._write_run_files({})
                        runner.run(self._chosen)
                except (FeatmillError, Interrupted) as caught:
                    error = caught
            if isinstance(error, UserError) and not results.totals.windows:
                self._remove_run_files()
                raise error  # refused before any work, such as by a checkpoint of another layout: nothing to sum up
            error = self._conclude(results, binding, time.monotonic() - start_s, error)
        seconds = time.monotonic() - start_s
        print(printable(summary(self._plan, results.totals, todo, self._inputs.total, seconds, error)))
        if isinstance(error, FeatmillError):
            raise error
        if isinstance(error, Interrupted):
            return error.exit_code
        if self._config.out is not None:
            self._write_list()
        return VideoError.exit_code if results.totals.failed else 0

    @contextlib.contextmanager
    def _claims(self) -> Iterator[Claims | None]:
        """Yield this run's claims on the output folder, None where nothing is written."""
        if not self._kept:
            yield None
            return
        folders = (self._root, *(kept.folder for kept in self._kept))
        for folder in folders:
            folder.prepare()
            folder.tidy()
        try:
            with Claims(self._root) as claims:
                yield claims
        finally:
            for folder in reversed(folders):
                folder.leave()

    def _conclude(
        self, results: Results, binding: Merger | None, seconds: float, error: FeatmillError | Interrupted | None
    ) -> FeatmillError | Interrupted | None:
        """Write what is written at the end of a run, however it ended; return the first error."""
        if not self._kept or not results.totals.videos:
            return error
        try:
            if binding is not None:
                binding.finish()
            self._write_run_files(
                {"totals": {**results.totals.counts(), "windows": results.totals.windows}, "seconds": round(seconds, 3)}
            )
            self._files.write_log(self._root, {kept.feature.feature_type: kept.latest for kept in self._kept})
        except RunError as caught:  # as a rule the end of what stopped the run already
            return error or caught
        return error

    def _write_run_files(self, facts: dict[str, object]) -> None:
        for kept in self._kept:
            feature_type = kept.feature.feature_type
            settings_hash = kept.feature.facts["settings_hash"]
            about = {"settings_hash": settings_hash, "devices": self._chosen, "listed": self._inputs.total, **facts}
            self._files.write(kept.folder, self._settings[feature_type], about)

    def _remove_run_files(self) -> None:
        for kept in self._kept:
            self._files.remove(kept.folder)

    def _write_list(self) -> None:
        for kept in self._kept:
            kept.latest.refresh()
            path = self._config.out if len(self._kept) == 1 else _of_type(self._config.out, kept.feature.feature_type)
            list_file.write_list(path, kept.folder, self._inputs.listed(), kept.latest, self._root)


def _of_type(path: str, feature_type: str) -> str:
    """Return "all_i3d.pkl" of "all.pkl": with several feature types each has its own list."""
    suffix = Path(path).suffix
    return f"{path[: -len(suffix)]}_{feature_type}{suffix}"
