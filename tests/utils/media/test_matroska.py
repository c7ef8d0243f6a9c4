"""The elements of Matroska files, whole and damaged."""

import io

import pytest

from utils.media.matroska import track_crops, walk_matroska

OPEN = b"\x01" + b"\xff" * 7  # the length of what a live recording has not ended


def element(name: int, content: bytes = b"", length: bytes | None = None) -> bytes:
    """Return an element, its length in two bytes."""
    return name.to_bytes((name.bit_length() + 7) // 8) + (length or (0x4000 | len(content)).to_bytes(2)) + content


def track(number: int, kind: int, *sides: tuple[int, int]) -> bytes:
    video = element(0xE0, b"".join(element(name, bytes([n])) for name, n in sides))
    return element(0xAE, element(0xD7, bytes([number])) + element(0x83, bytes([kind])) + video)


def block(number: int) -> bytes:
    return element(0xA3, bytes([0x80 | number]) + b"\0\0\0frame")


HEAD = element(0x1A45DFA3)
TRACKS = element(0x1654AE6B, track(1, 1, (0x54CC, 2), (0x54BB, 3)) + track(2, 2) + track(3, 1, (0x54AA, 5)))
CLUSTER = element(0x1F43B675, element(0xE7, b"\0") + block(1) + element(0xA0, element(0xA1, block(2)[3:])))


def segment(*parts: bytes) -> bytes:
    return HEAD + element(0x18538067, b"".join(parts))


LOST = "elements of Matroska are damaged in 1 place"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (segment(TRACKS, CLUSTER, CLUSTER), []),
        (HEAD + element(0x18538067, TRACKS + CLUSTER, OPEN), []),
        (segment(TRACKS, element(0x1F43B675, block(1) + block(2), OPEN), CLUSTER), []),
        (segment(TRACKS, CLUSTER, element(0xEC, bytes(9)), CLUSTER), []),
        (segment(TRACKS, CLUSTER, bytes(9), CLUSTER), []),
        (segment(TRACKS, CLUSTER, b"\x99" * 9, CLUSTER), [LOST]),
        (segment(TRACKS, element(0x1F43B675, block(7))), [LOST]),  # of no known track
        (segment(TRACKS, element(0x1F43B675, block(1)[:-1]), CLUSTER), [LOST]),  # longer than its cluster
        (segment(TRACKS, CLUSTER)[:-4], ["the file ends 4 bytes before the end of its segment"]),
        (segment(TRACKS) + b"TAG" + bytes(9), ["12 bytes after the end of the film are not read"]),
    ],
)
def test_elements(data: bytes, expected: list[str]) -> None:
    assert [finding.problem for finding in walk_matroska(io.BytesIO(data), len(data))] == expected


def test_crops_of_the_video_tracks() -> None:
    """Left, top, right, bottom."""
    data = segment(element(0xEC, bytes(5)), TRACKS, CLUSTER)
    assert track_crops(lambda at, n: data[at : at + n], len(data)) == [(2, 3, 0, 0), (0, 0, 0, 5)]
    data = segment(CLUSTER, TRACKS)  # looked for before the frames
    assert track_crops(lambda at, n: data[at : at + n], len(data)) == []
