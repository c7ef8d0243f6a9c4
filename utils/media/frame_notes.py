"""Notes about frames: that they look different from a player's, that some at the start need earlier ones."""

from av.packet import Packet
from av.video.frame import VideoFrame

from utils.media.report import DecodeReport

HDR = {16: "PQ", 18: "HLG"}  # by transfer characteristic (ITU-T H.273)


def note_kind(report: DecodeReport, frame: VideoFrame) -> None:
    """Note what looks different from a player's picture."""
    transfer = HDR.get(int(frame.color_trc))
    if transfer:
        report.note(f"it is HDR ({transfer}): its colours are used without tone mapping")
    if frame.interlaced_frame:
        report.note("its frames are interlaced: both fields are used as one frame")


class OpenStart:
    """Counts packets that come after the first key frame but are shown before it, and the frames that they become."""

    def __init__(self) -> None:
        self._key_pts: int | None = None  # of the first packet, if it is a key frame
        self._is_first = True
        self._n_packets = self._n_frames = 0

    def see(self, packet: Packet) -> None:
        """Take the next packet that is to be shown."""
        if self._is_first and packet.is_keyframe:
            self._key_pts = packet.pts
        self._is_first = False
        self._n_packets += self._is_before(packet.pts)

    def show(self, pts: int) -> None:
        """Take the time of a frame that the decoder put out."""
        self._n_frames += self._is_before(pts)

    def _is_before(self, pts: int | None) -> bool:
        return pts is not None and self._key_pts is not None and pts < self._key_pts

    @property
    def problem(self) -> str:
        """What is missing, as a clause; "" for nothing. A frame may have been in two packets, one for each field."""
        if 2 * self._n_frames >= self._n_packets:
            return ""
        n_lost = self._n_packets - self._n_frames
        return f"it starts within a group of pictures: {n_lost} packets after its first key frame need earlier ones"
