"""How far the runs on one output folder are, by its manifest, and what failed for which reason."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from utils.config.words import counted
from utils.sinks.manifest_line import STATUSES, ManifestLine
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

RECENT_S = 600.0  # the rate is that of the last ten minutes in which anything was finished
CAUSES = 10
EXAMPLES = 2
NODES = 20


@dataclass
class FolderStatus:
    """What one manifest says.

    length_s: of all videos with features, but those `without_length`: of lines of earlier versions.
    causes: number of videos by status and cause, whatever numbers it has. texts: the cause of the first of them, whole.
    finished_s: when videos were finished, by device, which of runs on Ray starts with its node's name.
    """

    folder: str
    listed: int | None
    counts: Counter[str] = field(default_factory=Counter[str])
    windows: int = 0
    length_s: float = 0.0
    without_length: int = 0
    per_s: float | None = None
    causes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    texts: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    finished_s: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @classmethod
    def of(cls, folder: Folder, latest: Iterable[ManifestLine]) -> "FolderStatus":
        """Sum up the last lines of a folder's manifest, and read its newest run file."""
        status = cls(str(folder), _listed(folder))
        for line in latest:
            status._take(line)
        status.per_s = _rate(sorted(itertools.chain.from_iterable(status.finished_s.values())))
        return status

    def _take(self, line: ManifestLine) -> None:
        self.counts[line.status] += 1
        self.windows += line.windows
        if line.outputs:
            self.length_s += line.length_s or 0.0
            self.without_length += line.length_s is None
        if (finished_s := line.finished_s) is not None:
            self.finished_s.setdefault(line.device, []).append(finished_s)
        if line.status != "done":
            text = _cause(line)
            cause = line.status, _kind(text, line)
            self.causes[cause] += 1
            self.texts.setdefault(cause, text)
            examples = self.examples.setdefault(cause, [])
            if len(examples) < EXAMPLES:
                examples.append(line.id)

    @property
    def left(self) -> int | None:
        """Return how many videos of the newest run's list are not finished; None if the list's length is not known."""
        return None if self.listed is None else max(0, self.listed - sum(self.counts.values()))

    def as_json(self) -> dict[str, Any]:
        """Return all figures under plain names."""
        causes = [
            {"status": cause[0], "cause": self.texts[cause], "videos": number, "examples": self.examples[cause]}
            for cause, number in self.causes.most_common()
        ]
        counts = {status: self.counts[status] for status in STATUSES}
        left = {"listed": self.listed, "left": self.left}
        devices = {
            device: {"videos": len(found), "videos_per_s": _rate(sorted(found))}
            for device, found in sorted(self.finished_s.items())
            if device
        }
        return {"folder": self.folder, **counts, **left, "windows": self.windows,
                "length_s": round(self.length_s, 3), "without_length": self.without_length, "videos_per_s": self.per_s,
                "devices": devices, "causes": causes}  # fmt: skip

    def as_text(self) -> str:
        """Return a few lines: totals, rate, what is left, causes with examples."""
        totals = ", ".join(f"{self.counts[status]} {status}" for status in STATUSES)
        rate = "" if self.per_s is None else f"; lately {_rate_text(self.per_s)}"
        lines = [self.folder, f"  {totals}; {self.windows} windows{rate}"]
        if self.left is None:
            lines.append("  how many are left is not known: the length of the newest run's list is not")
        else:
            time_left = f", about {_duration(self.left / self.per_s)} at that rate" if self.left and self.per_s else ""
            lines.append(f"  {self.left} of {self.listed} left{time_left}")
        lines += self._about_nodes()
        for cause, number in self.causes.most_common(CAUSES):
            shown = ", ".join(self.examples[cause])
            lines.append(f"  {number} {cause[0]}: {self.texts[cause]} (such as {shown})")
        if len(self.causes) > CAUSES:
            lines.append(f"  and {counted(len(self.causes) - CAUSES, 'other cause')}: --json has them all")
        return "\n".join(lines)

    def _about_nodes(self) -> list[str]:
        """Return a line for each of the nodes that runs on Ray name, the busiest first."""
        nodes: dict[str, list[float]] = {}
        for device, finished_s in self.finished_s.items():
            if "/" in device:
                nodes.setdefault(device.partition("/")[0], []).extend(finished_s)
        lines: list[str] = []
        for node, finished_s in sorted(nodes.items(), key=lambda item: -len(item[1]))[:NODES]:
            per_s = _rate(sorted(finished_s))
            lately = "" if per_s is None else f", lately {_rate_text(per_s)}"
            lines.append(f"  node {node}: {counted(len(finished_s), 'video')}{lately}")
        if len(nodes) > NODES:
            lines.append(f"  and {counted(len(nodes) - NODES, 'other node')}: --json has them all")
        return lines


def _listed(folder: Folder) -> int | None:
    """Return how many videos the newest run's list holds."""
    newest = max(folder.names("run-"), default=None)
    if newest is None:
        return None
    with folder.open(newest) as file:
        try:
            return parse_json(file.read()).get("listed")
        except (ValueError, AttributeError):
            return None


def _cause(line: ManifestLine) -> str:
    """Return the reason, without the video's name that it starts with."""
    source = line.source
    for name in (f"{source.path}: {source.member}", source.member, source.path, line.id):
        if line.reason.startswith(f"{name}: "):
            return line.reason[len(name) + 2 :]
    return line.reason or "no reason given"


def _kind(cause: str, line: ManifestLine) -> str:
    """Return a cause without what differs from video to video: names and numbers."""
    for name in (line.source.member, line.source.path, line.id):
        cause = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", cause) if name else cause
    return re.sub(r"\d+(\.\d+)?", "N", cause)


def _rate(finished_s: list[float]) -> float | None:
    """Return videos per second of the last RECENT_S before the newest; None if they all came at once."""
    recent = [time_s for time_s in finished_s if time_s >= finished_s[-1] - RECENT_S]
    span_s = recent[-1] - recent[0] if recent else 0
    return (len(recent) - 1) / span_s if span_s else None


def _rate_text(per_s: float) -> str:
    return f"{per_s:.2f} videos/s" if per_s >= 0.1 else f"{per_s * 3600:.1f} videos/h"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
