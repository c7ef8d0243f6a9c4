"""How many frames a video has and when each is shown: from its packets where they tell, else by decoding it."""

import itertools
from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.packet import Packet

from utils.media.clock import zero
from utils.media.container import Media, frame_units, is_bare, open_media, require_video, time_base
from utils.media.demux import read_packets
from utils.media.frame_rate import FrameRateRule, parse_fps
from utils.media.frame_size import limit_decoder
from utils.media.header import declared_packets, stated_length_s
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.picture_frames import PictureFrames, open_pictures
from utils.media.picture_packets import PicturePackets
from utils.media.report import VideoReport
from utils.media.seek import can_seek, packets_from_key_frame
from utils.media.segment import WHOLE, Segment
from utils.media.video_frames import SourceFrames

TIME_MAX = 2**62  # time base units; no file lasts longer
NEAR_S = 1e-4  # by which a time that was saved may differ from that of its frame


class _Shown(NamedTuple):
    """When the frames of a segment are shown, in time base units since the file's zero, and when the last one ends."""

    pts: list[int]
    end: int
    unit_s: Fraction


def frame_times_s(
    source: MediaSource,
    fps: float | Fraction | None = None,
    segment: Segment = WHOLE,
    limits: Limits = DEFAULT_LIMITS,
    report: VideoReport | None = None,
) -> np.ndarray:
    """Return when each frame is shown, float64 [frames], in seconds since the file's zero, in order.

    There are as many as decoding the same segment within the same limits yields frames (on a damaged file fewer may
    decode). Frames that an edit list hides do not count. Nothing is decoded where each packet holds one frame, nor of
    folders of frames; otherwise the video is decoded without its pixels, which takes about as long as decoding it.

    fps: return the times of the frames sampled at this rate instead, as VideoStream yields them.
    report: takes what is found on the way: a sampler of few frames may never get to where the damage is. Meanwhile it
        says how far the counting is.

    Raises:
        VideoError: there is no video, or the file cannot be read.
    """
    shown = _shown(source, segment, limits, VideoReport() if report is None else report)
    if fps is None or not shown.pts:
        return np.array(shown.pts, np.int64) * float(shown.unit_s)
    rule = FrameRateRule(shown.unit_s, parse_fps(fps), segment.origin_s)
    ticks = [tick for time in shown.pts for tick in rule.push(time)]
    ticks += rule.finish(shown.end)
    return np.array([float(segment.origin_s + tick / rule.fps) for tick in ticks])


def frames_at(
    source: MediaSource, times_s: np.ndarray, fps: float | None = None, segment: Segment = WHOLE
) -> np.ndarray:
    """Return which frame of the whole file was taken at each time, int64 [times]: its number, from 0.

    times_s: of frames of the segment, in seconds since the file's zero, as rows have them. fps: the rate at which they
    were sampled; None if they are the file's own.

    Raises:
        VideoError: there is no video, or the file cannot be read.
    """
    shown = _shown(source, WHOLE, DEFAULT_LIMITS, VideoReport())
    pts, unit_s = np.array(shown.pts, np.int64), float(shown.unit_s)
    if fps is None:
        found = np.searchsorted(pts * unit_s, times_s + NEAR_S, "right") - 1
    else:
        rule = FrameRateRule(shown.unit_s, parse_fps(fps), segment.origin_s)
        ticks = np.array([rule.tick(time) for time in shown.pts], np.int64)
        wanted = np.rint((times_s - float(segment.origin_s)) * float(rule.fps))
        found = np.searchsorted(ticks, wanted, "right") - 1  # the last on its tick, and those before a gap stay on
    bounds = zip(segment.units(shown.unit_s), (0, len(pts)), strict=True)
    first, end = (whole if bound is None else int(np.searchsorted(pts, bound)) for bound, whole in bounds)
    return found.clip(first, max(first, end - 1))


def _shown(source: MediaSource, segment: Segment, limits: Limits, report: VideoReport) -> _Shown:
    pictures = open_pictures(source, segment, limits)
    if pictures is not None:
        return _by_names(pictures, report)
    return _by_packets(source, segment, limits, report) or _by_decoding(source, segment, limits, report)


def _by_names(pictures: PictureFrames, report: VideoReport) -> _Shown:
    """Return the times of the frames in a folder; they are in their names."""
    report.take_over(pictures.report)
    report.decoded, report.declared = len(pictures.times), pictures.report.declared
    return _Shown(pictures.times.tolist(), pictures.end, pictures.time_base)


def _by_decoding(source: MediaSource, segment: Segment, limits: Limits, report: VideoReport) -> _Shown:
    """Return the times of the frames that a decoder puts out."""
    frames = SourceFrames(source, 1, segment, limits, count_only=True)
    try:
        pts, unit_s = list[int](), float(frames.time_base)
        for _, time in frames:
            pts.append(time)
            report.decoded_s = time * unit_s - (segment.start_s or 0.0)
        report.take_over(frames.report)
        report.decoded, report.declared = frames.report.decoded, frames.report.declared
        return _Shown(pts, min(frames.end, frames.limit), frames.time_base)
    finally:
        frames.close()


def _by_packets(source: MediaSource, segment: Segment, limits: Limits, report: VideoReport) -> _Shown | None:
    """Return the times of the frames in packets; None if packets do not tell them."""
    with open_media(source, limits) as media:
        segment.check(media.label)
        stream = require_video(media)
        limit_decoder(media, stream, limits)
        first, _ = segment.units(time_base(stream))
        if first is None or first <= 0 or not can_seek(media, stream):
            return _of_packets(media, stream, read_packets(media, stream, report), segment, limits, report)
        time = first + zero(media, stream, stream.start_time or 0)
        sought = packets_from_key_frame(media, stream, time, lambda: read_packets(media, stream, report))
        if sought is not None:
            return _of_packets(media, stream, itertools.chain([sought[0]], sought[1]), segment, limits, report)
    with open_media(source, limits) as media:
        stream = require_video(media)
        return _of_packets(media, stream, read_packets(media, stream, report), segment, limits, report)


def _of_packets(
    media: Media,
    stream: av.VideoStream,
    packets: Iterator[Packet | None],
    segment: Segment,
    limits: Limits,
    report: VideoReport,
) -> _Shown | None:
    """Return the times of the frames in these packets that are in the segment; None if packets are not frames."""
    unit_s = time_base(stream)
    first, last = segment.units(unit_s)
    limit = limits.end(unit_s, first or 0)
    report.length_s = segment.length_s(stated_length_s(media.container, stream), limits.max_seconds)
    times = _packet_times(media, stream, packets, limit if last is None else min(limit, last), segment, report)
    media.check()
    if times is None:
        return None
    pts, durations = times
    if first is None and len(pts) and pts[0] < 0:  # the limit counts from a frame before 0, too
        limit = limits.end(unit_s, int(pts[0]))
    inside = pts < (limit if last is None else min(limit, last))
    if first is not None:
        inside &= pts >= first
    shown = pts[inside].tolist()
    is_cut = (last is None or limit < last) and bool((pts >= limit).any())
    report.decoded = len(shown)
    report.declared = declared_packets(media.container, stream) if segment.is_whole else None
    if len(shown) < (report.declared or 0) and not is_cut:
        report.damage(f"the file holds {len(shown)} of {report.declared} frames")
    if not shown:
        return _Shown([], 0, unit_s)
    end = limit if is_cut else min(limit, shown[-1] + (int(durations[inside][-1]) or frame_units(stream)))
    return _Shown(shown, end, unit_s)


def _packet_times(
    media: Media,
    stream: av.VideoStream,
    packets: Iterator[Packet | None],
    end: int,
    segment: Segment,
    report: VideoReport,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return when the frames in packets are shown, since the file's zero, and how long; sorted int64 [frames] each.

    end: the first time of no interest; packets are read until no frame before it can follow. None if packets are no
    frames.
    """
    pictures, is_avi, bare = PicturePackets(stream), media.container.format.name == "avi", is_bare(media.container)
    start = None if stream.start_time is None else zero(media, stream, stream.start_time)
    usual, unit_s = frame_units(stream), float(time_base(stream))
    times, durations = array("q"), array("q")  # a video of a day has millions of frames
    for packet in packets:
        if packet is None:
            continue
        shows = pictures.shows(packet)
        if not pictures.one_each:
            return None
        if not shows:
            continue
        stated = packet.dts if is_avi or packet.pts is None else packet.pts  # AVI has no presentation times
        if stated is None or bare:  # evenly spaced
            stated = min(TIME_MAX, times[-1] + ((not bare and durations[-1]) or usual)) if times else start or 0
        times.append(stated)
        report.decoded_s = max(0.0, (stated - (start or 0)) * unit_s - (segment.start_s or 0.0))
        durations.append(0 if bare else packet.duration or 0)
        if start is not None and packet.dts is not None and packet.dts - start >= end:
            break  # no frame is shown before it is decoded
    all_times = np.array(times, np.int64)
    order = np.argsort(all_times, kind="stable")
    pts = all_times[order]
    if len(pts):
        pts = pts - (zero(media, stream, int(pts[0])) if start is None else start)
    return pts, np.array(durations, np.int64)[order]
