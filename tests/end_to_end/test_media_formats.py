"""Formats that only FFmpeg reads, sound that a pipe wrote, pictures that are no videos: one run over all of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import formats
from support.media import moving_frames, remux, waveform, write_audio, write_clip
from support.program import manifest, run
from support.tracks_of_mp4 import join_tracks

TYPES = ("--feature_type", "resnet", "vggish", "--weights", "random", "--model_name", "resnet18")
SIZES = {
    "ffmpeg": (0xFFFFFFFF,) * 2,
    "zero": (0, 0),
    "sox": (0x7FFFF024, 0x7FFFF000),
    "arecord": (0x80000024, 0x80000000),
}
CENC = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}
WEBP = b"RIFF\x64\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x3f\0\0\x2f\0\0ANIM\x06\0\0\0\0\0\0\0\0\0"


def write_videos(folder: Path) -> list[str]:
    """Write the frames in each format; return the names."""
    formats.write_grey(folder / "broadcast.gxf", "gxf", "mpeg2video", (720, 576))
    formats.write_grey(folder / "flash.swf", "swf", "flv")
    formats.write_grey(folder / "loki.smjpeg", "smjpeg", "mjpeg", pix_fmt="yuvj420p")
    formats.write_grey(folder / "muxer.mpjpeg", "mpjpeg", "mjpeg", pix_fmt="yuvj420p")
    (folder / "camera.mjpg").write_bytes(formats.multipart_jpeg(lengths=True, closed=False))
    (folder / "webcam.mjpg").write_bytes(formats.multipart_jpeg(lengths=False, closed=True))
    (folder / "dahua.dav").write_bytes(formats.dhav())
    (folder / "large.mjpeg").write_bytes(b"".join(formats.jpegs(noise=4)))
    return ["broadcast", "flash", "loki", "muxer", "camera", "webcam", "dahua", "large"]


def write_sounds(folder: Path) -> list[str]:
    """Write the tone in each format; return the names."""
    (folder / "timit.wav").write_bytes(formats.nist_sphere())
    (folder / "right.wav").write_bytes(formats.wav())
    for name, sizes in SIZES.items():
        (folder / f"{name}.wav").write_bytes(formats.wav(*sizes))
    (folder / "long.wav").write_bytes(formats.wav(0xFFFFFFFF, 0xFFFFFFFF, b"RF64"))
    (folder / "apple.caf").write_bytes(formats.caf_of_a_pipe())
    (folder / "sox_pipe.aiff").write_bytes(formats.aiff(0x7F000000))
    (folder / "sox_pipe_too.au").write_bytes(formats.au(0x7FFFF000))
    return ["timit", "right", *SIZES, "long", "apple", "sox_pipe", "sox_pipe_too"]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the manifest lines by feature type, with the features of what is done under "found".

    `known_frames` and `known_tone` hold the same in plain files.
    """
    folder = tmp_path_factory.mktemp("formats")
    write_videos(folder)
    write_sounds(folder)
    write_clip(folder / "known_frames.mkv", formats.grey_frames(), codec="ffv1", pix_fmt="bgr0")
    write_audio(folder / "known_tone.flac", np.frombuffer(formats.samples(), "<i2"), formats.RATE, "flac")
    (folder / "cut_wav.wav").write_bytes(formats.wav(30000, 30000)[:-9000])
    write_audio(folder / "phone.g722", np.frombuffer(formats.samples(), "<i2"), 16000, "g722")
    (folder / "error_page.g722").write_text("this is no sound\n" * 4000)
    for name, data in (("cut_aiff.aiff", formats.aiff()), ("cut_au.au", formats.au())):
        (folder / name).write_bytes(data[:9000] + data[9020:])
    (folder / "cut_timit.wav").write_bytes(formats.nist_sphere(4)[:-40000])
    (folder / "cut_camera.mjpg").write_bytes(formats.multipart_jpeg(lengths=False, closed=False)[:-600])
    formats.write_cut_ones(folder)
    sound: dict[str, Any] = {"audio": waveform(0, 2.0, 48000), "audio_rate": 48000}
    fragments: dict[str, Any] = {"options": {"g": "8"}, "muxer_options": {"movflags": "frag_keyframe+empty_moov+dash"}}
    formats.without_fragment(write_clip(folder / "lost_fragment.mp4", moving_frames(40), **fragments, **sound), 2)
    early = write_clip(folder / "early.mp4", moving_frames(5), codec="mpeg4", audio_codec="libmp3lame", **sound)
    remux(early, folder / "late.avi", shift_s=lambda packet: 0.48 * (packet.stream.type == "audio"))
    encrypted = write_clip(folder / "encrypted.mp4", moving_frames(5), muxer_options=CENC, **sound)
    join_tracks(encrypted, plain := write_clip(folder / "plain.mp4", moving_frames(5), **sound), folder / "sound.mp4")
    join_tracks(plain, encrypted, folder / "pictures.mp4")
    (folder / "photo.mp4").write_bytes(formats.jpegs()[0])
    Image.fromarray(formats.grey_frames()[0]).save(folder / "image.png")
    (folder / "animation.webp").write_bytes(WEBP)
    output = tmp_path_factory.mktemp("out")
    flags = (*TYPES, "--device", "cpu", "--on_extraction", "save_numpy")
    done = run(*flags, "--output_path", output, "--input_dir", folder, "--glob", "*")
    assert done.returncode == 1, done.stderr
    found = {kind: manifest(output / kind) for kind in ("resnet", "vggish")}
    for kind, of_kind in found.items():
        for name, line in of_kind.items():
            path = output / kind / f"{name}_{kind}.npy"
            line["found"] = np.load(path) if path.exists() else None
    return found


def test_videos(lines: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    known = lines["resnet"]["known_frames"]["found"]
    for name in write_videos(tmp_path):
        line = lines["resnet"][name]
        assert (name, line["status"], line["problems"]) == (name, "done", [])
        distances = np.abs(line["found"][:, None] - known).max(axis=2)  # each level resembles its own
        assert (name, distances.argmin(axis=1).tolist()) == (name, list(range(len(formats.LEVELS))))


def test_sounds(lines: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    known = lines["vggish"]["known_tone"]["found"]
    assert len(known) == 2
    late = lines["vggish"]["late"]  # empty chunks stand for the time before, and count in the header
    assert (late["status"], late["windows"], late["problems"]) == ("done", 2, [])
    for name in [*write_sounds(tmp_path), "dahua"]:
        line = lines["vggish"][name]
        assert (name, line["status"], line["problems"]) == (name, "done", [])
        np.testing.assert_allclose(line["found"], known, atol=1e-5, err_msg=name)


def test_a_format_without_marks_is_known_by_its_name(lines: dict[str, dict[str, Any]]) -> None:
    phone, page = lines["vggish"]["phone"], lines["vggish"]["error_page"]
    assert (phone["status"], phone["windows"], phone["problems"]) == ("done", 1, [])
    assert page["status"] == "failed" and "it is a text file" in page["reason"]


def test_what_is_cut_off_is_partial_all_the_same(lines: dict[str, dict[str, Any]]) -> None:
    for name in ("cut_wav", "cut_timit", "cut_aiff", "cut_au"):
        assert (name, lines["vggish"][name]["status"]) == (name, "partial")
    assert lines["resnet"]["cut_camera"]["status"] == "partial"
    for suffix in formats.CUT:
        assert (suffix, lines["resnet"][f"cut_{suffix}"]["status"]) == (suffix, "partial")
        whole = lines["resnet"][f"whole_{suffix}"]
        assert (suffix, whole["status"], whole["decoded"], whole["problems"]) == (suffix, "done", 4, [])
    line = lines["resnet"]["lost_fragment"]
    assert (line["status"], line["windows"]) == ("partial", 32)
    assert "frames are missing in the file for 0.32 s in 1 place" in line["problems"]
    assert lines["vggish"]["cut_au"]["problems"] == ["it ends at 1.99875 s, the header says 2.00000 s"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("photo", "it is a picture (JPEG), not a video"),
        ("image", "it is a picture (PNG), not a video"),
        ("animation", "it is an animated WebP picture, which FFmpeg cannot read"),
    ],
)
def test_a_picture_is_called_one(lines: dict[str, dict[str, Any]], name: str, cause: str) -> None:
    assert lines["resnet"][name]["status"] == "failed"
    assert cause in lines["resnet"][name]["reason"]


@pytest.mark.parametrize(("kind", "stream"), [("resnet", "video"), ("vggish", "audio")])
def test_encrypted_tracks_say_so(lines: dict[str, dict[str, Any]], kind: str, stream: str) -> None:
    assert lines[kind]["encrypted"]["status"] == "failed"
    assert f"its {stream} stream is encrypted" in lines[kind]["encrypted"]["reason"]


def test_a_plain_track_beside_an_encrypted_one(lines: dict[str, dict[str, Any]]) -> None:
    for plain, other, name, stream in (
        ("resnet", "vggish", "pictures", "audio"),
        ("vggish", "resnet", "sound", "video"),
    ):
        line, whole = lines[plain][name], lines[plain]["plain"]
        assert (line["status"], line["problems"]) == ("done", [])
        np.testing.assert_array_equal(line["found"], whole["found"])
        assert f"its {stream} stream is encrypted" in lines[other][name]["reason"]
