"""When the frames of a video are shown, where their containers have the times of packets alone."""

import heapq
from collections import deque

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from utils.media.container import Media
from utils.media.holes import REORDERED

IN_ORDER_OF_PACKETS = ("asf", "mxf")  # where some writers give each packet the next time, in the order of decoding


class ShownTimes:
    """Gives each decoded frame its time; fed with the packets first.

    AVI has no times of presentation: where frames are put in order by the decoder, the k-th has the k-th packet's. In
    containers where times may be in the order of decoding, frames have the times of their packets in rising order,
    which are their own wherever these rise.
    """

    def __init__(self, media: Media, stream: av.VideoStream) -> None:
        self._context = stream.codec_context
        name = media.container.format.name
        self.by_packets = name == "avi"  # only the times of decoding count
        self._sorts = name in IN_ORDER_OF_PACKETS
        self._queue = deque[int | None]()  # of AVI: times of packets whose frames are still to come
        self._waiting: list[int] = []  # of the others, smallest first
        self._n_ahead = 0  # successive frames that were later than the first one to come: was that lost?

    def feed(self, packet: Packet) -> None:
        """Take a packet with a picture that the decoder has taken."""
        if self.by_packets:
            self._queue.append(packet.dts)
        elif self._sorts and packet.pts is not None:
            heapq.heappush(self._waiting, packet.pts)

    def of(self, frame: VideoFrame) -> int | None:
        """Return the time of the next frame in time base units; None where nothing says."""
        if self.by_packets:
            stated = self._queue.popleft() if self._queue else None
            return stated if self._context.has_b_frames or frame.dts is None else frame.dts
        if frame.pts is None or not self._waiting:
            return frame.pts
        self._n_ahead = self._n_ahead + 1 if frame.pts > self._waiting[0] else 0
        while self._n_ahead > REORDERED and self._waiting[0] < frame.pts:
            heapq.heappop(self._waiting)
        return heapq.heappop(self._waiting)
