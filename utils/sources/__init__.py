"""Where videos come from: each source yields VideoRefs, no two with one output name."""

from pathlib import Path

from utils.config import RunConfig
from utils.errors import UserError
from utils.sources import folder, paths
from utils.sources.ref import VideoRef

SOURCES = "--video_paths, --file_with_video_paths or --input_dir"


def collect(run: RunConfig) -> list[VideoRef]:
    """Return the inputs of a run in the order given, one for each mention; the same file is the same VideoRef.

    Raises:
        UserError: there is none, or two different files would write the same outputs.
    """
    refs = paths.named(run.video_paths, run.file_with_video_paths, run.video_root)
    if run.input_dir is not None:
        refs += folder.found(run.input_dir, run.glob)
    if not refs:
        raise UserError(f"{_empty(run)}: name videos with {SOURCES}")
    first: dict[str, VideoRef] = {}
    return [_agreeing(first.setdefault(ref.name, ref), ref) for ref in refs]


def _agreeing(first: VideoRef, ref: VideoRef) -> VideoRef:
    """Return `first` if `ref` is the same file."""
    if Path(first.path).absolute() == Path(ref.path).absolute():
        return first
    raise UserError(
        f"{first.path} and {ref.path} would both write outputs called {ref.name!r}: "
        "give --video_root so that outputs keep the folders below it, or rename one of the files"
    )


def _empty(run: RunConfig) -> str:
    if run.file_with_video_paths:
        return f"{run.file_with_video_paths} holds no path"
    if run.input_dir:
        return f"{run.input_dir} holds no file that matches {' '.join(run.glob)}"
    return "no videos given"
