"""The main command: one run from settings to exit code."""

import contextlib
import dataclasses
import time
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from utils.config.run import RunConfig
from utils.engines import devices
from utils.engines.base import Engine
from utils.engines.dispatch import Dispatcher
from utils.errors import FeatmillError, Interrupted, RunError, UserError, VideoError, printable
from utils.run.done_list import DoneList
from utils.run.input_folders import InputFolders
from utils.run.merging import Merger, merger_of
from utils.run.output_state import OutputState, look_up
from utils.run.prepare import RANDOM_WARNING, Requested, prepare
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.same_video import told_apart
from utils.run.shard_marks import is_finished
from utils.run.summary import summary
from utils.run.todo import Todo, n_in_part
from utils.sinks import list_file
from utils.sinks.formats import FORMATS
from utils.sources.inputs import Inputs, collect
from utils.state.claims import FOLDER as CLAIMS
from utils.state.claims import Claims
from utils.state.resume import clear_failures, refuse_mixing
from utils.state.run_file import RunFile
from utils.state.settings_claim import claim_settings
from utils.storage.files import unhandled
from utils.storage.folder import Folder, folder_at
from utils.storage.urls import redacted
from utils.worker.plan import Plan


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run before any work. root: the folder of all outputs. states: empty where nothing is written."""

    plan: Plan
    inputs: Inputs
    root: Folder
    states: Sequence[OutputState]
    done_list: DoneList | None
    device_note: str

    @classmethod
    def of(cls, config: RunConfig, requested: Mapping[str, Requested], run_id: str, engine: Engine) -> Self:
        """Choose devices, read the lists, find or download the checkpoints and look at the output folder.

        Raises:
            FeatmillError: the request is wrong, or the output folder cannot be written.
        """
        if FORMATS[config.on_extraction].by_shard and not config.tar_path:
            raise UserError(
                f"--on_extraction {config.on_extraction} writes a file per tar shard: give --tar_path, "
                "or another format"
            )
        if config.out is not None:
            list_file.check_suffix(config.out)
            if not FORMATS[config.on_extraction].saves:  # --out gathers saved features
                config = dataclasses.replace(config, on_extraction="save_numpy")
        resources, device_note = engine.resources(config)
        config = devices.with_precision(config, resources)
        devices.check_decode((one.config for one in requested.values()), resources)
        root = folder_at(config.output_path)
        inputs = collect(
            config, {"audio" if one.model.media_of(one.config) == "audio" else "frames" for one in requested.values()}
        )
        plan = prepare(config, requested, resources, run_id)
        done_list = DoneList(config.check_progress) if config.check_progress else None
        return cls(plan, inputs, root, look_up(plan, root, inputs.same), done_list, device_note)

    @property
    def n_videos(self) -> int | None:
        """How many videos this run's part of the list has; None where the sources do not say before the end."""
        return n_in_part(self.inputs.total, self.plan.run.shard)

    def todo(self, claims: Claims | None) -> Todo:
        """Return what is left to do. claims: None to claim nothing."""
        plan = self.plan
        if plan.format.by_shard and not plan.run.overwrite:
            refs = self.inputs.refs(partial(is_finished, self.root, states=self.states, verify=plan.run.verify))
        else:
            refs = self.inputs.refs()
        return Todo(refs, plan.run, plan.features, self.states, claims, self.done_list)


def extract(
    config: RunConfig, requested: Mapping[str, Requested], engine: Engine, arguments: Sequence[str] = ()
) -> int:
    """Extract, and return the exit code: 0, or 1 if a video failed.

    requested: by feature type. engine: runs the workers. arguments: of the command, to record them.

    Raises:
        FeatmillError: the request is wrong (before any work), or the machine fails.
    """
    run_file = RunFile(arguments)
    planned = Planned.of(config, requested, run_file.id, engine)
    plan, config = planned.plan, planned.plan.run
    progress = RunProgress(planned.n_videos, config.quiet, config.json_progress)
    run = _Run(**vars(planned), run_file=run_file, progress=progress)
    run.progress.note(_destination(config, plan.format.saves))
    if any(feature.stamp.warning for feature in plan.features):
        run.progress.warn(RANDOM_WARNING)
    if config.recipe:
        run.progress.note(f"recipe {config.recipe}; the command recipes says what of it is settled, and what is not")
    if planned.device_note:
        run.progress.note(planned.device_note)
    if config.precision == "auto":
        run.progress.note(_rounding(requested))
    run.note_left_out(at_end=False)
    return run.extract(engine)


@dataclasses.dataclass(frozen=True)
class _Run(Planned):
    """One run at work."""

    run_file: RunFile
    progress: RunProgress

    def extract(self, engine: Engine) -> int:
        """Do what is missing, and return the exit code."""
        plan, start_s = self.plan, time.monotonic()
        error: FeatmillError | Interrupted | None = None
        with self._claims() as claims:
            todo = self.todo(claims)
            merger = merger_of(plan, self.root, self.states, claims, todo)
            folders = InputFolders(self.inputs.roots)
            results = Results(plan, self.states, todo, folders, claims, merger, self.progress)
            dispatcher = Dispatcher(plan, todo, results, self.progress, engine)
            with self.progress:
                try:
                    if merger is not None:
                        merger.recover()
                    if dispatcher.anything_to_do():
                        self._write_run_files({})
                        dispatcher.run()
                    self.inputs.check_any_found()
                except (FeatmillError, Interrupted) as caught:
                    error = caught
                except OSError as caught:
                    error = unhandled(caught)
            if isinstance(error, UserError) and not results.totals.windows:
                self._remove_run_files()
                raise error  # refused before any work, such as by a checkpoint of another layout: nothing to sum up
            error = self._conclude(results, merger, time.monotonic() - start_s, error)
        self.note_left_out(at_end=True)
        seconds = time.monotonic() - start_s
        print(printable(summary(plan, results.totals, todo, self.n_videos, seconds, error)))
        if isinstance(error, FeatmillError):
            raise error
        if isinstance(error, Interrupted):
            return error.exit_code
        if plan.run.out is not None:
            self._write_list(plan.run.out)
        return VideoError.exit_code if results.totals.counts["failed"] else 0

    def note_left_out(self, *, at_end: bool) -> None:
        """Say which files are not extracted, as soon as all are known: those of tars at the end."""
        if at_end == (self.inputs.total is None):
            for note in self.inputs.left_out():
                self.progress.note(note)

    @contextlib.contextmanager
    def _claims(self) -> Generator[Claims | None, None, None]:
        """Yield this run's claims on the output folder, None where nothing is written."""
        if not self.states:
            yield None
            return
        folders = (self.root, *(state.folder for state in self.states))
        self.root.prepare()
        self.root.tidy()
        try:
            with Claims(self.root) as claims:
                self._claim_settings(claims)
                for folder in folders[1:]:  # not before: a refused run would remove those that another one found
                    folder.prepare()
                    folder.tidy()
                yield claims
        finally:
            is_alone = not any(self.root.names(f"{CLAIMS}/"))  # else another run may have found the folders there
            for folder in reversed(folders):
                folder.leave() if is_alone else folder.tidy()

    def _claim_settings(self, claims: Claims) -> None:
        """Raise UserError if another run works with other settings here, or has done so since the manifest was read."""
        for state in self.states:
            claim_settings(self.root, claims, state.feature_type, state.feature.settings)
            state.latest.refresh()
            if not self.plan.run.overwrite:
                refuse_mixing(state.folder, state.latest, state.feature.settings)

    def _conclude(
        self, results: Results, merger: Merger | None, seconds: float, error: FeatmillError | Interrupted | None
    ) -> FeatmillError | Interrupted | None:
        """Write what is written at the end of a run, however it ended; return the first error."""
        try:
            if merger is not None:  # also where there was nothing to do: a killed run may have left something to merge
                merger.finish()
            for state in self.states:
                clear_failures(state.folder, state.latest, self.inputs.read_well(), state.feature.stamp)
            if not self.states:
                return error
            totals = {**results.totals.counts, "windows": results.totals.windows}
            found: dict[str, object] = {"totals": totals, "seconds": round(seconds, 3)}
            if merger is not None and merger.n_merged:
                self._write_run_files({**found, "merged": merger.n_merged})
            elif results.totals.videos:
                self._write_run_files(found)
            if results.totals.videos:
                self.run_file.write_log(self.root, {state.feature_type: state.latest for state in self.states})
        except RunError as caught:  # as a rule the end of what stopped the run already
            return error or caught
        except OSError as caught:
            return error or unhandled(caught)
        return error

    def _write_run_files(self, found: dict[str, object]) -> None:
        for state in self.states:
            checkpoints = {name: str(path.absolute()) for name, path in state.feature.checkpoints.items() if path}
            about = {
                "devices": list(self.plan.devices),
                "listed": self.inputs.total,
                "checkpoints": checkpoints,
                **found,
            }
            self.run_file.write(state.folder, state.feature.stamp.settings_hash, state.feature.settings, about)

    def _remove_run_files(self) -> None:
        for state in self.states:
            self.run_file.remove(state.folder)

    def _write_list(self, path: str) -> None:
        run = self.plan.run
        states = [state for state in self.states if not run.concat or run.align in (None, state.feature_type)]
        for state in states:
            state.latest.refresh()
            own = path if len(states) == 1 else _of_type(path, state.feature_type)
            refs = (
                told_apart(ref, ((part, state.latest.get(ref.id)),))
                for ref in self.inputs.listed()
                if (part := state.part(ref)) is not None
            )
            list_file.write_list(own, state.folder, refs, state.latest, self.root)


def _destination(config: RunConfig, saves: bool) -> str:
    """Return the first line of the run: where the features go."""
    if saves:
        return f"features are saved in {redacted(config.output_path)} (--on_extraction {config.on_extraction})"
    return "features are printed, not saved; --output_path DIR saves them (--on_extraction save_numpy)"


def _rounding(requested: Mapping[str, Requested]) -> str:
    """Return what --precision auto does on GPUs."""
    errors = ", ".join(f"{name} {one.model.tf32_error:.0e}" for name, one in requested.items())
    return (
        "--precision auto: convolutions in TF32, as in PyTorch by default. Relative error of the features: "
        f"{errors} (docs/performance.md). --precision float32 has none"
    )


def _of_type(path: str, feature_type: str) -> str:
    """Return "all_i3d.pkl" of "all.pkl": with several feature types each has its own list."""
    suffix = Path(path).suffix
    return f"{path[: -len(suffix)]}_{feature_type}{suffix}"
