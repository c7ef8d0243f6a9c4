"""What headers say of how many packets there are, and when streams end."""

from pathlib import Path
from typing import Any

import pytest
from support.media import moving_frames, write_clip

from utils.media.container import open_media
from utils.media.header import counted_packets, declared_end, declared_packets, listed_bytes

N = 50


@pytest.mark.parametrize(
    ("name", "options", "listed", "end_s"),
    [
        ("x.mp4", {}, N, 2.0),
        ("fragments.mp4", {"muxer_options": {"movflags": "frag_keyframe+delay_moov"}}, None, 2.0),
        ("x.mkv", {}, None, 2.0),
        ("x.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, None, 2.0),
        ("x.ts", {}, None, None),
    ],
)
def test_frames(tmp_path: Path, name: str, options: dict[str, Any], listed: int | None, end_s: float | None) -> None:
    path = write_clip(tmp_path / name, moving_frames(N), **options)
    with open_media(path) as media:
        stream = media.container.streams.video[0]
        assert declared_packets(media.container, stream) == listed
        stated = declared_end(media, stream, 0.04)
        assert (None if stated is None else round(stated.end_s, 2)) == end_s
        n_bytes = sum(packet.size for packet in media.container.demux(stream))
        assert listed_bytes(media.container, stream) == (n_bytes if name == "x.avi" else 0)


@pytest.mark.parametrize(("extra", "counted"), [({}, 60), ({"_STATISTICS_WRITING_APP": "mkvmerge"}, None)])
def test_the_number_in_a_tag_goes_unless_it_was_copied(
    tmp_path: Path, extra: dict[str, str], counted: int | None
) -> None:
    path = write_clip(tmp_path / "x.mkv", moving_frames(N), stream_tags={"NUMBER_OF_FRAMES": "60"} | extra)
    with open_media(path) as media:
        assert counted_packets(media.container, media.container.streams.video[0]) == counted
