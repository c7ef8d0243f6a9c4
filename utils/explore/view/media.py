"""The videos that features were made from, found in the folder that the user names: as JPEGs, sound and bytes."""

import io
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import numpy as np

from utils.errors import VideoError
from utils.explore.view.numbers import bytes_of, listed
from utils.media.input import FileRange, MediaSource, UrlFile
from utils.sources.fingerprint import Fingerprint
from utils.storage.urls import base_name, is_url, redacted

TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".mkv": "video/webm",
    ".ogv": "video/ogg", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".m4a": "audio/mp4",
}  # fmt: skip
WIDTH = 160  # of a JPEG
MOST_THUMBS = 120  # of a video
KEPT_THUMBS = 4000
DECODERS = 2  # threads that decode at once
RATE_HZ = 8000  # of the sound that is drawn
MOST_SOUND_S = 7200.0  # of it
LEVELS = 1000
BANDS = 64
FFT = 256
QUIET_DB = -80.0


@dataclass(frozen=True)
class Clip:
    """A file, or a member of a tar, in the user's folder. size: in bytes, 0 for a folder of frames.

    path: a str is an address.
    """

    path: Path | str
    offset: int
    size: int
    content_type: str

    @property
    def source(self) -> MediaSource:
        """What utils.media opens."""
        label = base_name(str(self.path))
        if self.offset:
            return FileRange(str(self.path), self.offset, self.size, label)
        return UrlFile(self.path, label) if isinstance(self.path, str) else str(self.path)

    def open(self) -> BinaryIO:
        """Return a stream of the file, or of the whole tar. OSError if it cannot be read."""
        path = self.path
        return UrlFile(path, redacted(path)).open() if isinstance(path, str) else path.open("rb")


class MediaFolder:
    """Finds videos below a folder or an address. Nothing outside is opened, whatever a manifest names or links lead to.

    root: None to show no videos. decoding: held while a file is read.
    """

    def __init__(self, root: str | None) -> None:
        self._address = f"{root.rstrip('/')}/" if root is not None and is_url(root) else None
        self._root = None if root is None or self._address is not None else Path(root).resolve()
        self._thumbs: OrderedDict[tuple[Clip, int], bytes] = OrderedDict()
        self.decoding = threading.Semaphore(DECODERS)

    @property
    def is_on(self) -> bool:
        """Whether videos are shown."""
        return self._root is not None or self._address is not None

    def find(self, source: Fingerprint) -> Clip | None:
        """Return where a video lies: at its own path, or under the end of that path below the folder."""
        if not isinstance(source.path, str) or not source.path:
            return None
        if is_url(source.path):
            return self._at_address(source)
        if self._root is None:
            return None
        parts = Path(source.path).parts
        below = [Path(*parts[i:]) for i in range(len(parts)) if not Path(*parts[i:]).is_absolute()]
        for place in [Path(source.path), *(self._root / path for path in below)]:
            clip = self._clip(place, source)
            if clip is not None:
                return clip
        return None

    def _at_address(self, source: Fingerprint) -> Clip | None:
        below = source.path.removeprefix(self._address or source.path)
        if below == source.path or not below or ".." in re.split(r"[/\\]", unquote(unquote(below))):
            return None
        offset, n_bytes = source.offset if source.member else 0, source.bytes
        if not isinstance(offset, int) or not isinstance(n_bytes, int) or min(offset, n_bytes) < 0:
            return None
        suffix = Path(base_name(source.member or source.path)).suffix.lower()
        return Clip(source.path, offset, n_bytes, TYPES.get(suffix, "application/octet-stream"))

    def _clip(self, place: Path, source: Fingerprint) -> Clip | None:
        try:
            path = place.resolve(strict=True)
            if self._root is None or not path.is_relative_to(self._root):
                return None
            if path.is_dir():
                return Clip(path, 0, 0, "")
            size = path.stat().st_size
            suffix = Path(source.member or path.name).suffix.lower()
            is_file = path.is_file()
        except (OSError, ValueError, RuntimeError):  # missing, a name that no file can have, links in a circle
            return None
        content_type = TYPES.get(suffix, "application/octet-stream")
        if not source.member:
            return Clip(path, 0, size, content_type) if is_file else None
        offset, n_bytes = source.offset, source.bytes
        inside = isinstance(offset, int) and isinstance(n_bytes, int) and 0 < offset <= offset + n_bytes <= size
        return Clip(path, offset, n_bytes or 0, content_type) if is_file and inside else None

    def length_s(self, clip: Clip) -> float:
        """Return how long a video is; 0 where it does not say. VideoError if it has no pictures."""
        from utils.media.video import VideoStream

        with self.decoding, VideoStream(clip.source) as stream:
            return float(stream.length_s or 0)

    def thumb(self, clip: Clip, time_ms: int) -> bytes:
        """Return the picture shown at a time as JPEG. VideoError if there is none."""
        key = (clip, time_ms)
        if key not in self._thumbs:
            with self.decoding:
                self._thumbs[key] = _jpeg(clip, time_ms / 1000)
            if len(self._thumbs) > KEPT_THUMBS:
                self._thumbs.popitem(last=False)
        return self._thumbs[key]

    def sound(self, clip: Clip) -> dict[str, Any]:
        """Return the level of a video's sound in dB of full scale, and its spectrogram. VideoError: it has none."""
        from utils.media.audio import AudioStream
        from utils.media.segment import Segment

        with self.decoding, AudioStream(clip.source, RATE_HZ, segment=Segment(None, MOST_SOUND_S)) as stream:
            power = np.concatenate([np.zeros((0, FFT // 2 + 1)), *map(_spectra, _whole_stretches(stream))])
            start_s = stream.start_s
        n = len(power)
        if not n:
            raise VideoError("its sound is too short to draw")
        columns = min(n, LEVELS)
        edges = np.linspace(0, n, columns + 1).astype(int)[:-1]
        power = np.add.reduceat(power, edges, axis=0) / np.diff(np.append(edges, n))[:, None]
        bands = power[:, 1:].reshape(columns, BANDS, -1).mean(axis=2)
        return {
            "start_s": round(start_s, 3), "length_s": round(n * FFT / RATE_HZ, 3),
            "level_db": listed(_decibel(power.sum(axis=1)), 1),
            "bands": BANDS, "top_hz": RATE_HZ // 2,
            "spectrogram": bytes_of(_decibel(bands), QUIET_DB, -20),
        }  # fmt: skip


def web_address(path: object) -> str | None:
    """Return the address of a video that a browser opens when its user clicks; None of any other path."""
    if isinstance(path, str) and path.startswith(("http://", "https://")):
        return redacted(path)
    return None


def thumb_times_ms(length_s: float) -> list[int]:
    """Return the times of a video's pictures: each second, or evenly spaced in a long one."""
    n = int(min(MOST_THUMBS, max(1, np.ceil(length_s))))
    return [round(1000 * length_s * i / n) for i in range(n)]


def _jpeg(clip: Clip, time_s: float) -> bytes:
    from PIL import Image

    from utils.media.segment import Segment
    from utils.media.video import VideoStream

    segment = Segment(time_s if time_s else None)
    with VideoStream(clip.source, wanted=[0], segment=segment, chunk_frames=1) as stream:
        frames = next(iter(stream), None)
    if frames is None:
        raise VideoError("no picture there")
    picture = Image.fromarray(frames.pixels[0])
    picture.thumbnail((WIDTH, WIDTH))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()


def _whole_stretches(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield sound in multiples of FFT samples; the few after the last one are left out."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate([rest, block])
        whole = len(joined) // FFT * FFT
        rest = joined[whole:]
        yield joined[:whole]


def _spectra(block: np.ndarray) -> np.ndarray:
    """Return the power of each stretch of FFT samples by frequency, [stretches, FFT / 2 + 1]; sums are mean squares."""
    stretches = block.reshape(-1, FFT)
    spectrum = np.square(np.abs(np.fft.rfft(stretches, axis=1))) / FFT**2
    spectrum[:, 1:-1] *= 2
    return spectrum


def _decibel(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 10 ** (QUIET_DB / 10)))
