"""Which columns of a Hugging Face data set hold videos and sound."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from utils.config.run import RunConfig
from utils.config.schema import did_you_mean
from utils.errors import UserError
from utils.sources.media_filter import MediaFilter
from utils.storage.urls import base_name, is_url, redacted

if TYPE_CHECKING:
    from datasets import IterableDataset

Form = Literal["video", "audio", "file", "bytes", "text"]  # in which a column has videos or sound
USUAL_VIDEO = ("video", "mp4", "video_path", "path", "file_name", "filename", "file", "url")
USUAL_AUDIO = ("audio", "sound", "speech", "wav", "flac", "mp3", "audio_path")


def media_columns(
    features: Mapping[str, Any], rows: "IterableDataset", media_filter: MediaFilter, run: RunConfig
) -> tuple[str, ...]:
    """Return the column that the feature types take; the one of videos and the one of sound, where these differ.

    media_filter: what the feature types want, and what names their files have.

    Raises:
        UserError: there is no such column.
    """
    found = _Columns(features, rows, media_filter, redacted(run.hf_dataset or ""))
    video, sound = run.hf_video_column, run.hf_audio_column
    for flag, column in (("hf_video_column", video), ("hf_audio_column", sound)):
        if column is not None:
            found.check(flag, column)
    if "audio" in media_filter.wants and sound is None and (video is None or "frames" in media_filter.wants):
        sound = found.of_audio()
    if media_filter.wants == {"audio"}:
        return (sound or video or found.of_videos(),)
    video = video or found.of_videos()
    return (video, sound) if sound is not None and sound != video and "audio" in media_filter.wants else (video,)


class _Columns:
    """The columns of one data set, and how each can hold videos or sound."""

    def __init__(
        self, features: Mapping[str, Any], rows: "IterableDataset", media_filter: MediaFilter, label: str
    ) -> None:
        self._rows, self._filter, self._label = rows, media_filter, label
        self._forms = {column: _form(kind) for column, kind in features.items()}

    def check(self, flag: str, column: str) -> None:
        """Raise UserError unless the column that the user named can be used."""
        known = ", ".join(self._forms)
        if column not in self._forms:
            close = did_you_mean(column, self._forms)
            raise UserError(f"--{flag} {column}: {self._label} has no such column; its columns are {known}{close}")
        if self._forms[column] is None:
            raise UserError(f"--{flag} {column}: has neither videos, bytes nor paths; its columns are {known}")

    def of_audio(self) -> str | None:
        """Return the column of sound, None where there is none."""
        named = [column for column in USUAL_AUDIO if self._forms.get(column)]
        return next(iter([*self._of_kind("audio"), *named]), None)

    def of_videos(self) -> str:
        """Return the column of videos. Raises UserError if there is none."""
        usual = [column for column in USUAL_VIDEO if column in self._forms]
        named = dict.fromkeys([*usual, *(column for column in self._forms if column not in USUAL_AUDIO)])
        for kind in ("video", "file", "bytes"):
            found = [column for column in named if self._forms[column] == kind]
            if found:
                return found[0]
        texts = [column for column in named if self._forms[column] == "text"]
        first = next(iter(self._rows.select_columns(texts).take(1)), {}) if texts else {}
        for column in texts:
            path = first.get(column) or ""
            if self._filter.match(base_name(path) if is_url(path) else path):
                return column
        raise UserError(
            f"--hf_dataset {self._label}: no column has videos; give --hf_video_column, one of {', '.join(self._forms)}"
        )

    def _of_kind(self, kind: Form) -> list[str]:
        return [column for column, form in self._forms.items() if form == kind]


def _form(kind: Any) -> Form | None:
    """Return how a column of this feature has videos: as video, sound, file (bytes and path), bytes or text."""
    from datasets import Audio, Value, Video

    if isinstance(kind, Video):
        return "video"
    if isinstance(kind, Audio):
        return "audio"
    if isinstance(kind, Mapping) and {"bytes", "path"} <= set(kind):
        return "file"
    if isinstance(kind, Value):
        if "binary" in kind.dtype:
            return "bytes"
        return "text" if "string" in kind.dtype else None
    return None


def is_plain(kind: Any) -> bool:
    """Return whether a column has text, numbers or booleans."""
    from datasets import ClassLabel, Value

    return isinstance(kind, ClassLabel) or (isinstance(kind, Value) and "binary" not in kind.dtype)


def undecoded(rows: "IterableDataset", features: Mapping[str, Any]) -> "IterableDataset":
    """Return the rows with videos, sound and pictures as bytes and paths: the package shall not decode any.

    Sound is read as videos are, which have the same bytes and paths: for Audio the package wants torchcodec even then.
    """
    from datasets import Audio, Image, Video

    for column, kind in features.items():
        if isinstance(kind, Image):
            rows = rows.cast_column(column, Image(decode=False))
        elif isinstance(kind, Audio | Video):
            rows = rows.cast_column(column, Video(decode=False))
    return rows
