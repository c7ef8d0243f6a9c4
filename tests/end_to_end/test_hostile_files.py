"""Checkpoints, settings and metadata made to run for hours or to fill memory: each is refused with one clear error."""

import io
import json
import pickle
import re
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from support.media import moving_frames, write_clip
from support.program import ROOT, manifest, run
from support.sources import write_shard

from utils.errors import UserError
from utils.weights.checkpoint import read_tensors

PROGRAM = ROOT / "tests" / "support" / "tiny_program.py"
TINY = ("--feature_type", "tiny", "--device", "cpu")
MERSENNE = (1 << 61) - 1  # Python's hash of a multiple is 0
NESTED = b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b"."  # 2 MB of lists in lists
SHARED_KEY = b"\x80\x02}" + b")" + b"2\x86" * 60 + b"K\x01s."  # a tuple with 2^60 paths, as a key
NUMBERS = b"".join(b"\x8a\x0a" + (i * MERSENNE).to_bytes(10, "little") + b"N" for i in range(1, 99_000))
COLLIDING = b"\x80\x02}(" + NUMBERS + b"u."
MOST_SECONDS = 60  # of a run, with its start; each of these files took longer, or for ever


def zipped(content: bytes, **members: bytes) -> bytes:
    """Return a zip as torch.save writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in {"data.pkl": content, "version": b"3\n", **members}.items():
            archive.writestr(f"archive/{name}", data)
    return file.getvalue()


def legacy(content: bytes) -> bytes:
    """Return a file as torch.save wrote it before PyTorch 1.6."""
    numbers = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(number, 2) for number in numbers) + content + pickle.dumps([], 2)


def set_of(key: bytes) -> bytes:
    """Return a pickle of a set that is made of a list."""
    return b"\x80\x02c__builtin__\nset\n](" + key + b"e\x85R."


SHARED = b")" + b"2\x86" * 60
BAD_PICKLES = {
    "nested": (NESTED, "more than 1000000 steps"),
    "shared": (SHARED_KEY, "nested tuples as keys"),
    "set": (set_of(SHARED), "nested tuples as keys"),
    "colliding": (COLLIDING, "more than 10000 keys that are not text"),
}
BAD_CHECKPOINTS = {
    f"{name}.{kind}": (write(data), words)
    for kind, write in (("zip", zipped), ("legacy", legacy), ("pkl", bytes))
    for name, (data, words) in BAD_PICKLES.items()
} | {
    "module.pt": (zipped(NESTED, **{"code/a.py": b""}), "more than 1000000 steps"),
    "header.safetensors": (struct.pack("<Q", 1 << 62) + b'{"a":1}', "its header is said to have"),
    "brace.bin": (struct.pack("<Q", 1 << 40) + b"{" + bytes(100), "its header is said to have"),
    "long.safetensors": (struct.pack("<Q", 40 << 20) + b"{" + b" " * (41 << 20), "a header may have 33554432"),
    "damaged.safetensors": (struct.pack("<Q", 10) + b'{"a": nope' + bytes(100), "not a safetensors file"),
    "short.safetensors": (b"\x01\x02", "its header is said to have"),
    "text.pt": (b"<html>not found</html>", "not a PyTorch checkpoint"),
    "empty.pt": (b"", "not a PyTorch checkpoint"),
}  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a short video."""
    return write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", moving_frames(3))


def refusal(*arguments: Any, program: Path = ROOT / "main.py") -> str:
    """Run; return the one line of the error with which the program refuses the arguments."""
    start_s = time.monotonic()
    done = run("--device", "cpu", *arguments, program=program)
    assert time.monotonic() - start_s < MOST_SECONDS
    assert done.returncode == 2, (done.stdout, done.stderr)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("name", BAD_CHECKPOINTS)
def test_hostile_checkpoints_are_refused_in_bounded_time(tmp_path: Path, name: str) -> None:
    content, words = BAD_CHECKPOINTS[name]
    (tmp_path / name).write_bytes(content)
    start_s = time.monotonic()
    with pytest.raises(UserError) as refused:
        read_tensors(tmp_path / name)
    assert time.monotonic() - start_s < MOST_SECONDS
    assert words in str(refused.value) and "weights_only" not in str(refused.value)


@pytest.mark.parametrize("name", ["nested.zip", "shared.legacy", "header.safetensors"])
def test_hostile_checkpoints_end_the_run(tmp_path: Path, clip: Path, name: str) -> None:
    content, words = BAD_CHECKPOINTS[name]
    (tmp_path / name).write_bytes(content)
    flags = ("--feature_type", "resnet", "--checkpoint", tmp_path / name, "--video_paths", clip)
    said = refusal(*flags, "--on_extraction", "save_numpy", "--output_path", tmp_path / "out")
    assert words in said and name in said and "weights_only" not in said


def test_a_checkpoint_that_asks_for_code_is_refused_in_our_words(tmp_path: Path, clip: Path) -> None:
    torch.save({"state_dict": Path("x")}, tmp_path / "code.pt")  # PyTorch advises to set weights_only to False
    flags = ("--feature_type", "resnet", "--checkpoint", tmp_path / "code.pt", "--video_paths", clip)
    said = refusal(*flags, "--on_extraction", "save_numpy", "--output_path", tmp_path / "out")
    assert "has no named tensors" in said
    assert "weights_only" not in said and "trust" not in said


BAD_SETTINGS = {
    "bytes": ("a: " + "x" * (1 << 20), "more than 1048576 bytes"),
    "deep": ("a: " + "[" * 500_000, "more than 20 nested values"),
    "laughs": ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)), "100000 val"),
    "merged": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 60)),
        "more than 100000 values",
    ),
    "secret": ("feature_type: ${oc.env:HOME}", "${oc.env:HOME}"),  # which omegaconf would fill in
    "self": ("a: &a [*a]", "a value that holds itself"),
    "number": ("limit: " + "1:" * 400_000 + "1", "a number of more than 100 characters"),
    "keys": ("".join(f"{i * MERSENNE}: 1\n" for i in range(1, 9999)), "is not text"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_hostile_settings_end_the_run(tmp_path: Path, name: str) -> None:
    text, words = BAD_SETTINGS[name]
    (tmp_path / "run.yml").write_text(text)
    assert words in refusal("--config", tmp_path / "run.yml")


def test_hostile_metadata_of_a_tar_fails_no_clip(tmp_path: Path, clip: Path) -> None:
    deep = b"[" * 1_000_000
    write_shard(tmp_path / "s.tar", {"a.mp4": clip.read_bytes(), "a.json": deep})
    (tmp_path / "s.json").write_bytes(deep)
    flags = (*TINY, "--on_extraction", "save_numpy", "--output_path", tmp_path / "o")
    done = run(*flags, "--tar_path", tmp_path / "s.tar", program=PROGRAM)
    assert done.returncode == 1, done.stderr
    assert "s.json: is not JSON" in done.stderr and "Traceback" not in done.stderr
    line = manifest(tmp_path / "o" / "tiny")["s/a"]
    assert line["status"] == "done" and "not JSON" in json.dumps(line)
    (tmp_path / "list.jsonl").write_bytes(deep + b"\n" + json.dumps({"path": str(clip)}).encode() + b"\n")
    done = run(*flags, "--video_list", tmp_path / "list.jsonl", program=PROGRAM)
    assert done.returncode == 1, done.stderr
    assert re.search(r"line 1: not JSON", done.stderr) and "Traceback" not in done.stderr


def test_hostile_outputs_are_made_again(tmp_path: Path, clip: Path) -> None:
    hostile = {"nested": NESTED, "shared": SHARED_KEY, "colliding": COLLIDING}
    for name in hostile:
        (tmp_path / f"{name}.mp4").hardlink_to(clip)
    flags = (*TINY, "--on_extraction", "save_pickle", "--output_path", tmp_path, "--video_paths")
    command = (*flags, *(tmp_path / f"{name}.mp4" for name in hostile))
    assert run(*command, program=PROGRAM).returncode == 0
    outputs = {name: tmp_path / "tiny" / f"{name}_tiny.pkl" for name in hostile}
    good = {name: path.read_bytes() for name, path in outputs.items()}
    for name, path in outputs.items():
        path.write_bytes(hostile[name])
    done = run(*command, "--verify", program=PROGRAM)
    assert done.returncode == 0, done.stderr
    assert {name: path.read_bytes() for name, path in outputs.items()} == good
