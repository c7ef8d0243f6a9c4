"""What an output folder records of the networks that made its features."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from utils.config.run import RunConfig
from utils.config.schema import Config, build, field_names
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.prepare import Requested, Resources, prepare
from utils.run.settings import find_checkpoints
from utils.sinks.manifest_line import WITH_OUTPUTS
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Latest
from utils.state.run_file import record_of
from utils.storage.folder import Folder
from utils.weights.store import sha256_of
from utils.worker.plan import Plan


@dataclass(frozen=True)
class RecordedNetwork:
    """One feature type of an output folder.

    place: of the features. settings: all that decided them, "weights" included. checkpoints: where the files were.
    """

    place: str
    feature_type: str
    settings: Mapping[str, Any]
    checkpoints: Mapping[str, str]

    @property
    def weights(self) -> Mapping[str, str]:
        """SHA-256 of each checkpoint, or "random"."""
        return self.settings["weights"]

    @property
    def is_random(self) -> bool:
        """Whether the features were made with --weights random."""
        return "random" in self.weights.values()

    def checkpoints_of(
        self, run: RunConfig, config: Config, model: Model, is_changed: bool = False
    ) -> dict[str, Path | None]:
        """Return the checkpoints that made the features, where the run had them or found again.

        is_changed: whether `config` is another than that of the run.

        Raises:
            UserError: other ones are found.
        """
        paths = None if is_changed else self.original_checkpoints()
        if paths is None:
            run = replace(run, weights="random") if self.is_random else run
            paths = find_checkpoints(run, config, model)
            self.check(paths)
        return paths

    def original_checkpoints(self) -> dict[str, Path | None] | None:
        """Return the checkpoints where the run had them; None if one is gone or has changed."""
        paths = {
            name: None if digest == "random" else Path(self.checkpoints.get(name, ""))
            for name, digest in self.weights.items()
        }
        return None if self._problems(paths) else paths

    def check(self, paths: Mapping[str, Path | None]) -> None:
        """Raise UserError unless checkpoints are those that made the features."""
        wrong = self._problems(paths)
        if wrong:
            raise UserError(
                f"{self.place}: its features were made with other weights than {paths.get(wrong[0]) or 'random ones'}: "
                f"pass the flags by which that run chose its checkpoint (SHA-256 {self.weights[wrong[0]]})"
            )

    def _problems(self, paths: Mapping[str, Path | None]) -> list[str]:
        return [name for name, digest in self.weights.items() if _digest(paths.get(name)) != digest]


def recorded(output: str, feature_type: str | None, models: Mapping[str, Model]) -> RecordedNetwork:
    """Return the features of an output folder that texts are to be compared with.

    output: an --output_path, or the folder of one feature type in it. feature_type: this one alone.

    Raises:
        UserError: there are no features or no record of them, or several types have a text tower.
    """
    found = {line.stamp.feature_type: (folder, line.stamp.settings_hash) for folder, line in _last_lines(output)}
    if feature_type is not None:
        found = {name: place for name, place in found.items() if name == feature_type}
    if not found:
        raise UserError(f"{output}: no features of {feature_type or 'any type'} there")
    usable = [name for name in found if name in models and models[name].text]
    if len(usable) > 1:
        raise UserError(f"{output}: has features of {' and '.join(usable)}: choose one by --feature_type")
    name = usable[0] if usable else next(iter(found))
    folder, settings_hash = found[name]
    record = record_of(folder, settings_hash)
    if not record:
        raise UserError(f"{folder}: no run file has the settings of its features; give --feature_type and its flags")
    return RecordedNetwork(str(folder), name, record["settings"], record.get("checkpoints", {}))


def plan_like(
    like: RecordedNetwork,
    given: RunConfig,
    models: Mapping[str, Model],
    resources: Resources,
    flags: Mapping[str, Any] | None = None,
) -> Plan:
    """Return the plan of an extraction as the one recorded. Checkpoints that are gone are downloaded.

    given: says where weights are. flags: of the feature type, over those recorded.

    Raises:
        UserError: checkpoints are not to be had, or a flag is not the type's.
    """
    model = models[like.feature_type]
    layers = [("record", model.flags_of(like.settings)), ("argument", flags or {})]
    config = build(model.config_class(), layers)
    names = field_names(RunConfig) - {"feature_type", "weights", "name_template", "align"}
    known = {name: like.settings[name] for name in names & like.settings.keys()}
    is_exact = known.get("precision") == "auto" and not resources.devices[0].startswith("cuda")
    run = build(RunConfig, [("record", {**known, **({"precision": "float32"} if is_exact else {})})])
    run = replace(run, weights_dir=given.weights_dir)
    found = like.checkpoints_of(run, config, model, bool(flags))
    return prepare(run, {like.feature_type: Requested(model, config, found)}, resources, "")


def _last_lines(output: str) -> list[tuple[Folder, Any]]:
    """Return each folder with the manifest line of its newest features."""
    newest = ((folder, _newest(latest)) for folder, _, latest in feature_folders(output))
    return [(folder, line) for folder, line in newest if line is not None]


def _newest(latest: Latest) -> Any:
    line = None
    for each in latest:
        line = each if each.status in WITH_OUTPUTS else line
    return line


def _digest(path: Path | None) -> str | None:
    if path is None:
        return "random"
    return sha256_of(path) if path.is_file() else None
