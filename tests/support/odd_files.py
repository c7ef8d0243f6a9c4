"""Media files for end-to-end tests: usual, unusual, damaged, and files that are no media."""

import os
from pathlib import Path

import numpy as np

from support.media import cut, damage, hide_start, moving_frames, turn, waveform, write_audio, write_clip
from support.tracks_of_mp4 import show_parts

SPACES = "name with spaces & 'quotes' ünïcode 视频.mp4"
DASH = "-starts-with-dash.mp4"
NOT_UTF8 = os.fsdecode(b"not\xffutf-8.mp4")  # a name that no terminal encoding can show
FASTSTART = {"movflags": "faststart"}
UNEVEN_MS = [*range(0, 600, 30), *range(600, 1600, 100)]  # 20 frames at 33 fps, 10 at 10 fps

AUDIO_ONLY = {  # and the codec
    "audio_only.m4a": "aac",
    "tone.wav": "pcm_s16le",
    "rate_8k.wav": "pcm_s16le",
    "under_one_example.wav": "pcm_s16le",
    "silence.m4a": "aac",
}
VIDEO_ONLY = {  # and the codec
    "no_audio.mp4": "h264",
    "one_frame.mp4": "h264",
    "nine_frames.mp4": "h264",
    "odd_size_yuv444.mp4": "h264",
    "tall.mp4": "h264",
    "tiny_16x16.mp4": "h264",
    "gray.mp4": "h264",
    "animated.gif": "gif",
    "anamorphic.mp4": "h264",
    "rotated_90.mp4": "h264",
    "ntsc_29_97.mp4": "h264",
    "one_fps.mp4": "h264",
    "vfr.mp4": "h264",
    "two_edits.mp4": "h264",
    DASH: "h264",
}
USUAL = [
    "h264_aac.mp4",
    "h264_mp3.mp4",
    "h264_opus.mkv",
    "vp9_vorbis.webm",
    "mpeg4_mp2.avi",
    "mpeg4_mp3.avi",
    "hevc_10bit.mp4",
]
DAMAGED = ["truncated_faststart.mp4", "bit_flips.mp4"]


def make_whole(folder: Path) -> None:
    """Write the intact files."""
    short, longer, sound = moving_frames(12), moving_frames(25), waveform(3, 2.0, 44100)
    stereo = np.stack([sound, sound / 2], axis=1)
    write_clip(folder / "h264_aac.mp4", longer, audio=sound)
    write_clip(folder / "h264_mp3.mp4", longer, audio=sound, audio_codec="libmp3lame")
    write_clip(folder / "h264_opus.mkv", longer, audio=waveform(3, 2.0, 48000), audio_rate=48000, audio_codec="libopus")
    write_clip(folder / "vp9_vorbis.webm", longer, codec="libvpx-vp9", audio=stereo, audio_codec="vorbis")
    write_clip(folder / "mpeg4_mp2.avi", longer, codec="mpeg4", audio=sound, audio_codec="mp2")
    write_clip(folder / "mpeg4_mp3.avi", longer, codec="mpeg4", audio=sound, audio_codec="libmp3lame")
    hevc = {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=error"}}
    write_clip(folder / "hevc_10bit.mp4", longer, audio=sound, **hevc)
    write_clip(folder / "surround_5_1.mp4", short, audio=np.stack([sound] * 6, axis=1))
    hide_start(write_clip(folder / "edit_list.mp4", moving_frames(30), audio=sound), 0.2)
    write_clip(folder / SPACES, short, audio=sound)
    for name in ("no_audio.mp4", DASH):
        write_clip(folder / name, short)
    write_clip(folder / "one_frame.mp4", short[:1])
    write_clip(folder / "nine_frames.mp4", short[:9])
    write_clip(folder / "odd_size_yuv444.mp4", moving_frames(12, 49, 65), pix_fmt="yuv444p")
    two_edits = write_clip(folder / "two_edits.mp4", moving_frames(30), options={"bf": "0"})
    show_parts(two_edits, [(400, 0), (600, 12800 * 15 // 25)])
    write_clip(folder / "tall.mp4", moving_frames(12, 120, 16))
    write_clip(folder / "tiny_16x16.mp4", moving_frames(12, 16, 16))
    write_clip(folder / "gray.mp4", short, pix_fmt="gray")
    write_clip(folder / "animated.gif", short, fps=10, codec="gif", pix_fmt="rgb8")
    write_clip(folder / "anamorphic.mp4", short, options={"x264-params": "sar=2/1"})
    lying = np.rot90(moving_frames(12, 64, 48), -1, (1, 2))
    turn(write_clip(folder / "rotated_90.mp4", lying), 0, -1, 1, 0)
    write_clip(folder / "ntsc_29_97.mp4", longer, fps=30000 / 1001)
    write_clip(folder / "one_fps.mp4", short, fps=1)
    write_clip(folder / "vfr.mp4", moving_frames(30), pts=UNEVEN_MS)
    write_audio(folder / "audio_only.m4a", sound, 44100, "aac")
    write_audio(folder / "tone.wav", sound, 44100)
    write_audio(folder / "rate_8k.wav", waveform(4, 2.0, 8000), 8000)
    write_audio(folder / "under_one_example.wav", sound[:22050], 44100)
    write_audio(folder / "silence.m4a", np.zeros(88200, np.float32), 44100, "aac")


def make_broken(folder: Path, other: Path, port: int) -> None:
    """Write the damaged files and those that are no media. The playlists name `other` and an address at `port`."""
    big, sound = moving_frames(30, 96, 128), waveform(3, 2.0, 44100)
    cut(write_clip(folder / "truncated_faststart.mp4", big, audio=sound, muxer_options=FASTSTART), 0.6)
    damage(write_clip(folder / "bit_flips.mp4", big, audio=sound), b"mdat", 100)
    cut(write_clip(folder / "truncated_no_moov.mp4", big), 0.5)
    (folder / "empty.mp4").touch()
    (folder / "random_bytes.mp4").write_bytes(np.random.default_rng(0).bytes(30000))
    for name in ("text.mp4", NOT_UTF8):
        (folder / name).write_text("this is not a video\n")
    url = f"http://127.0.0.1:{port}/a.ts"
    (folder / "hls_playlist_pretending.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"
    )
    (folder / "concat_pretending.mp4").write_text(f"ffconcat version 1.0\nfile '{other}'\nfile {url}\n")
