"""A video that a run wants to extract, and what videos of other runs with outputs of the same name mean for it."""

from collections.abc import Iterable
from typing import NamedTuple

from utils.run.output_state import OutputState
from utils.run.same_video import told_apart
from utils.sources.ref import VideoRef


class Wanted(NamedTuple):
    """A video, and the outputs that it lacks."""

    ref: VideoRef
    states: list[OutputState]


def unit_of(feature_type: str, name: str) -> str:
    """Return what a run claims to work on a video, or a shard, for a feature type."""
    return f"{feature_type}:{name}"


def claim_name(state: OutputState, ref: VideoRef) -> str:
    """Return what the claim of a video is called: the name of its outputs, which another run's may have as well."""
    return unit_of(state.feature_type, state.latest.names.of(ref))


def kept_apart(ref: VideoRef, states: Iterable[OutputState]) -> VideoRef:
    """Return a video, refused where its outputs would replace those of another one, of an earlier run."""
    for state in states:
        part = state.part(ref)
        line = state.replaced_by(part) if part is not None else None
        if line is not None:
            names = state.latest.names
            keeps = "for files --video_root, which keeps subfolders"
            keeps = keeps if names.template.has("relative") else "a --name_template with {relative}"
            why = (
                f"{line.source.place} of an earlier run has outputs called {names.of(ref)!r}, which would be replaced: "
                f"choose another --output_path, or {keeps}, or --overwrite"
            )
            return ref.refuse("failed", why)
    return ref


def not_new(wanted: Wanted) -> Wanted:
    """Return what no run has tried since this one started; told apart from another video that has its id."""
    ref, states = wanted
    if any(state.latest.is_new(ref.id) for state in states):
        ref = told_apart(ref, [(state.part(ref), state.latest.get(ref.id)) for state in states])
    return Wanted(ref, [state for state in states if not state.latest.is_new(ref.id)])
