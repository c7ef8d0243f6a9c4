"""What a source yields."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoRef:
    """One input.

    id: stable name in the manifest, by which a later run knows the video: the path as it was given.
    name: what its outputs are called, relative to the output folder, without the key and the suffix.
    path: the file to open.
    """

    id: str
    name: str
    path: str
