"""What a run takes over from earlier ones, and when it refuses to."""

from collections.abc import Iterable
from typing import Any

from utils.errors import UserError
from utils.sinks.manifest_line import FINISHED, WITH_OUTPUTS, ManifestLine, RunStamp
from utils.sinks.readback import OutputReader
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Latest, Manifest, settings_hash
from utils.state.run_file import record_of
from utils.storage.folder import Folder

Settings = dict[str, Any]  # all that decides what the features are


def is_done(
    line: ManifestLine | None,
    ref: VideoRef,
    outputs: OutputReader,
    settings: str,
    on_extraction: str,
    with_classes: bool = False,
) -> bool:
    """Return whether `line` says that `ref` needs no work: same settings and format, same input, outputs in place.

    with_classes: the file of --show_pred is one of the outputs, if it was written. An input that cannot be seen now
    counts as the same: it may be unmounted for a while, or removed to save room.
    """
    if line is None or line.status not in FINISHED:
        return False
    if (line.stamp.settings_hash, line.stamp.on_extraction) != (settings, on_extraction):
        return False
    source = fingerprint(ref)
    if line.source != source and source.bytes is not None:
        return False
    if with_classes and line.top_classes and not outputs.has_classes(line.top_classes):
        return False
    return outputs.is_readable(line.outputs)


def clear_failures(folder: Folder, latest: Latest, ids: Iterable[str], stamp: RunStamp) -> None:
    """Record of folders, tars and data sets that earlier runs could not read, and this one could, that this is over.

    Raises:
        RunError: the manifest cannot be written.
    """
    latest.refresh()
    known = filter(None, map(latest.get, ids))
    over = [line for line in known if line.status in ("failed", "skipped")]
    if over:
        Manifest(folder).append(*(_cleared(line, stamp) for line in over))


def _cleared(line: ManifestLine, stamp: RunStamp) -> ManifestLine:
    kept = {name: getattr(line, name) for name in ("id", "name", "source", "shard")}
    return ManifestLine(**kept, status="cleared", stamp=stamp, revision=line.revision + 1)


def refuse_mixing(folder: Folder, latest: Latest, settings: Settings) -> None:
    """Raise UserError if the folder holds outputs of other settings, naming the difference."""
    own = settings_hash(settings)
    if not latest.hashes - {own}:
        return
    others = {line.stamp.settings_hash for line in latest if line.status in WITH_OUTPUTS} - {own}
    if not others:
        return
    known: Settings = record_of(folder, min(others)).get("settings", {})
    raise UserError(
        f"{folder} holds features made with other settings "
        f"({'; '.join(differences(known, settings)) if known else 'see its manifest'}): "
        "choose another --output_path, or extract all again with --overwrite"
    )


def differences(there: Settings, now: Settings) -> list[str]:
    """Return the settings that differ, each as "stack_size: 64 there, 24 now"."""
    keys = (key for key in {**now, **there} if there.get(key) != now.get(key))
    return [f"{key}: {there.get(key)} there, {now.get(key)} now" for key in keys]
