"""--name_template: what the files of a video are called."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from utils.errors import UserError
from utils.sources.names import UNSAFE, safe_name

FIELDS = ("relative", "stem", "id", "key", "crop", "type")
OF_VIDEO = {"relative", "stem", "id"}


class Named(Protocol):
    """A video, or a mention of one in a list."""

    @property
    def name(self) -> str:
        """As in VideoRef."""
        ...

    @property
    def has_id(self) -> bool:
        """Whether a list gives its id."""
        ...


@dataclass(frozen=True)
class NameTemplate:
    """Text with fields in braces.

    relative: the video's name with its folders. stem: the name without them. id: the id in a list; without one, the
    stem. key: of the array. crop: its number, from 0. type: the feature type.
    is_default: names are safe, and stay as earlier versions wrote them.
    """

    text: str
    is_default: bool = False

    @classmethod
    def of(cls, text: str) -> "NameTemplate":
        """Return the template that a user gives. Raises UserError for one that makes no safe names."""
        template = cls(text)
        try:
            pieces = list(string.Formatter().parse(text))
        except ValueError as error:
            raise _refusal(text, str(error)) from error
        for _, field, form, conversion in pieces:
            if field is not None and (field not in FIELDS or form or conversion):
                raise _refusal(text, f"the fields are {', '.join(f'{{{each}}}' for each in FIELDS)}, and nothing else")
        filled = "".join(literal + ("x" if field else "") for literal, field, _, _ in pieces)
        if any(part.startswith(".") or not part.strip() for part in filled.split("/")) or UNSAFE.search(filled):
            raise _refusal(text, "it must be a relative path without control characters and leading dots")
        if not any(template.has(field) for field in OF_VIDEO):
            raise _refusal(text, "all videos would have one name: add {relative}, {stem} or {id}")
        return template

    def has(self, field: str) -> bool:
        """Return whether a field is in the template."""
        return f"{{{field}}}" in self.text

    def name(self, video: Named, key: str = "", crop: int = 0, feature_type: str = "") -> str:
        """Return the name of a file without its suffix, relative to the folder of its feature type."""
        stem = video.name.rpartition("/")[2]
        name = self.text.format(
            relative=video.name,
            stem=stem,
            id=video.name if video.has_id else stem,
            key=key,
            crop=crop,
            type=feature_type,
        )
        return name if self.is_default else safe_name(name)


def _refusal(text: str, reason: str) -> UserError:
    return UserError(f"--name_template {text!r}: {reason}")


PER_KEY = NameTemplate("{relative}_{key}", is_default=True)
PER_VIDEO = NameTemplate("{relative}", is_default=True)


@dataclass(frozen=True)
class OutputNames:
    """What the outputs of a run's videos are called, so that two videos with one name are found.

    same: gives equal texts for names that the file system of the outputs takes for one.
    """

    template: NameTemplate = PER_VIDEO
    same: Callable[[str], str] = str

    def of(self, video: Named) -> str:
        """Return the name of a video's outputs, without what differs between its own files."""
        return self.same(self.template.name(video))
