"""Which files of a folder or a tar are videos or sound, and what is said of the others."""

import fnmatch
import re
from collections import Counter
from collections.abc import Collection, Iterable

from utils.media.frame_folder import FrameFolder, numbered
from utils.sources.names import without_suffix
from utils.sources.ref import MediaKind

VIDEO_SUFFIXES = (
    "mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "divx", "mpg", "mpeg", "mpe", "m1v", "m2v", "vob", "ts", "mts",
    "m2ts", "m2t", "trp", "flv", "f4v", "wmv", "asf", "3gp", "3g2", "ogv", "ogm", "rm", "rmvb", "mxf", "gxf", "dv",
    "dif", "dav", "mjpg", "mjpeg", "nut", "wtv", "y4m", "ivf", "h264", "264", "h265", "265", "hevc", "obu", "amv",
    "m2p", "tod", "lrv", "insv",
)  # fmt: skip
AUDIO_SUFFIXES = (
    "wav", "wave", "w64", "rf64", "flac", "mp3", "mp2", "mpa", "m4a", "m4b", "m4r", "aac", "ogg", "oga", "opus",
    "spx", "wma", "aiff", "aif", "aifc", "au", "snd", "caf", "mka", "weba", "ac3", "eac3", "ec3", "dts", "amr",
    "awb", "3ga", "ape", "wv", "tta", "tak", "mpc", "voc", "sph", "nist", "gsm", "g722",
    "dsf", "thd", "mlp",
)  # fmt: skip
OF_MACS = ("._", ".DS_Store")  # starts of the names of files that macOS adds to folders and tars
LEAST_FRAMES = 2  # pictures of a folder that is found to be a video; the user may name one with a single picture
SHOWN = 6  # suffixes in the line about files that were left out
MOST_SUFFIXES = 1000
SUFFIX = re.compile(r"\*?(\.[A-Za-z0-9]+)")  # a pattern that is one


class MediaFilter:
    """Takes files by the user's patterns, else by the usual suffixes of what the feature types want.

    Patterns ignore case. Files that macOS adds are never found.
    """

    def __init__(self, glob: Iterable[str], wants: Iterable[MediaKind]) -> None:
        """Keep the patterns. wants: "frames", "audio", or both."""
        self.wants = frozenset(wants)
        self.is_default = not (given := tuple(glob))
        sound = AUDIO_SUFFIXES if "audio" in self.wants else ()
        self.patterns = given or tuple(f"*.{suffix}" for suffix in (*VIDEO_SUFFIXES, *sound))
        self.suffixes = frozenset(found[1].lower() for pattern in self.patterns if (found := SUFFIX.fullmatch(pattern)))
        self._match = re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in self.patterns)).match
        self.left_out = LeftOutFiles()

    def match(self, path: str) -> bool:
        """Return whether the last part of a path matches a pattern; if not, count it as left out."""
        name = path.rpartition("/")[2]
        found = self._fits(name)
        if not found:
            self.left_out.add(name)
        return found

    def _fits(self, name: str) -> bool:
        return not name.startswith(OF_MACS) and self._match(name.lower()) is not None

    def frames(self, names: Collection[str]) -> FrameFolder | None:
        """Return the numbered pictures of a folder if they are a video: several of one kind, and no video beside them.

        names: of all files of the folder. None, too, where the user's patterns do not match the pictures.
        """
        if "frames" not in self.wants:
            return None
        kinds = numbered("", names)
        if len(kinds) != 1 or len(kinds[0].numbers) < LEAST_FRAMES:
            return None
        beside = (name.lower().rpartition(".")[2] in VIDEO_SUFFIXES for name in names)
        wanted = self.is_default or self._fits(kinds[0].path(kinds[0].numbers[0]))
        return kinds[0] if wanted and not any(beside) else None

    def media_kind(self, path: str) -> MediaKind:
        """Return what a file that was found is for: sound files are for feature types of sound alone."""
        is_audio = self.is_default and path.lower().rpartition(".")[2] in AUDIO_SUFFIXES
        return "audio" if is_audio else "all"

    def beside_videos(self, paths: Collection[str]) -> frozenset[str]:
        """Return which of the files that match are the sound of a video of the same name; count them as left out.

        None are, where the user gave patterns. paths: all those of a folder, or of several.
        """
        if not self.is_default or "audio" not in self.wants:
            return frozenset()
        videos = {without_suffix(path) for path in paths if self.media_kind(path) == "all"}
        beside = {path for path in paths if self.media_kind(path) == "audio" and without_suffix(path) in videos}
        self.left_out.n_beside += len(beside)
        return frozenset(beside)

    def chosen(self, paths: Iterable[str]) -> list[str]:
        """Return those of the files of a folder, or of several, that match and are not the sound of another."""
        matching = [path for path in paths if self.match(path)]
        beside = self.beside_videos(matching)
        return [path for path in matching if path not in beside]

    def __str__(self) -> str:
        """Return what messages call a file that is found."""
        if not self.is_default:
            return f"file that matches {' '.join(self.patterns)}"
        return "video or sound file" if "audio" in self.wants else "video file"


class LeftOutFiles:
    """Counts the files that were left out, by suffix. n_beside: sound files beside videos of the same name."""

    def __init__(self) -> None:
        self._suffixes: Counter[str] = Counter()
        self._n_others = 0  # of still other suffixes
        self.n_beside = 0

    def add(self, name: str) -> None:
        """Count a file that does not match."""
        suffix = name[len(without_suffix(name)) :].lower()
        label = "of macOS" if name.startswith(OF_MACS) else suffix[:12] or "without suffix"
        if label in self._suffixes or len(self._suffixes) < MOST_SUFFIXES:
            self._suffixes[label] += 1
        else:
            self._n_others += 1

    def __bool__(self) -> bool:
        """Return whether anything was left out."""
        return bool(self._suffixes or self.n_beside)

    def __str__(self) -> str:
        """Return what was left out, such as "3 .txt, 1 .jpg", or "no files"."""
        parts = [f"{number} {label}" for label, number in self._suffixes.most_common(SHOWN)]
        n_shown = sum(number for _, number in self._suffixes.most_common(SHOWN))
        if n_others := self._n_others + self._suffixes.total() - n_shown:
            parts.append(f"{n_others} others")
        if self.n_beside:
            parts.append(f"{self.n_beside} sound files beside videos of the same name")
        return ", ".join(parts) or "no files"
