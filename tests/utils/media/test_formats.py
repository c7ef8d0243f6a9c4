"""The demuxers that may read a file: known to FFmpeg, and none that opens another file, a device or an address."""

from av.format import ContainerFormat, Flags, formats_available

from utils.media.formats import DEMUXERS

OPENS_MORE = {
    "hls",
    "dash",
    "concat",
    "imf",
    "image2",
    "image2pipe",
    "mlv",
    "sdp",
    "rtsp",
    "sap",
    "vobsub",
    "lavfi",
    "sbg",
}


def test_every_name_is_known_and_given_once() -> None:
    names = DEMUXERS.split(",")
    assert len(names) == len(set(names))
    aliases = {"m4a", "mj2"}  # of MP4, not further formats
    assert set(names) - aliases <= formats_available


def test_nothing_that_opens_more_than_its_file() -> None:
    names = set(DEMUXERS.split(",")) - {"m4a", "mj2"}
    assert not names & OPENS_MORE
    devices = {name for name in names if ContainerFormat(name, "r").flags & Flags.no_file.value}
    assert not devices
