"""`python main.py estimate FLAGS`: what it says of a list, and that it leaves nothing behind."""

import json

import pytest
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, manifest, run

N_FRAMES = (3, 30, 6, 12, 4)
PAUSE_S = 0.03


def test_a_list_before_and_after_it_is_done(tmp_path):
    (tmp_path / "videos").mkdir()
    for i, n in enumerate(N_FRAMES):
        write_clip(tmp_path / "videos" / f"{i}.mp4", moving_frames(n))
    (tmp_path / "videos" / "bad.mp4").write_bytes(b"no video")
    flags = ["--feature_type", "tiny", "--pause_s", PAUSE_S, "--input_dir", tmp_path / "videos", "--decode_threads", 1]
    flags += ["--output_path", tmp_path / "out", "--device", "cpu"]
    done = run("estimate", *flags, "--json", "--price_per_hour", 10, program=TINY_PROGRAM)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not (tmp_path / "out").exists()
    assert (found["to_do"], found["measured"], found["done"]) == (6, 6, 0)
    assert found["statuses"] == {"done": 5, "failed": 1}
    assert "bad.mp4" in found["reasons"][0]
    assert found["limit"] in ("start-up", "network", "cores")
    (hours, low, high) = found["machines"][0]["hours"]
    assert low < hours < high
    assert hours * 3600 - found["start_s"] >= PAUSE_S * sum(N_FRAMES)
    assert found["machines"][0]["money"] == [pytest.approx(10 * value) for value in (hours, low, high)]
    assert [row["machines"] for row in found["machines"]] == [1, 2, 4]
    assert found["peak_memory_bytes"] > 50 << 20

    run(*flags, program=TINY_PROGRAM)
    lines = manifest(tmp_path / "out" / "tiny").values()
    in_files = sum(output["bytes"] for line in lines for output in line["outputs"])
    n_bytes = in_files + (tmp_path / "out" / "tiny" / "manifest.jsonl").stat().st_size
    assert found["bytes"][0] == pytest.approx(n_bytes, rel=0.05)
    (tmp_path / "videos" / "bad.mp4").unlink()
    done = run("estimate", *flags, program=TINY_PROGRAM)
    assert (done.returncode, done.stdout) == (0, "every video is done already\n")
