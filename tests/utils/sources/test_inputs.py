"""List files, metadata and tars with any content: no traceback, no hang, bounded memory.

FUZZ_EXAMPLES=2000 tries that many inputs per test instead of a few.
"""

import contextlib
import gzip
import io
import json
import os
import tarfile
import tempfile
import tracemalloc
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from support.sources import tar_bytes

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.media.input import OpenableMedia
from utils.sources.inputs import collect
from utils.sources.ref import VideoRef

many = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=5000,  # milliseconds for one input
    suppress_health_check=cast(Any, list(HealthCheck)),
)
MOST_MEMORY = 64 << 20  # bytes that Python allocates for one input

FIELDS = st.sampled_from(
    ["path", "start_s", "end_s", "id", "url", "a.mp4", "../x", "1", "-1", "nan", "1e999", "", '"', "\0"]
)
CELLS = FIELDS | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str)
ROWS = st.lists(st.lists(CELLS, max_size=6), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | FIELDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.just("filename"), inner, max_size=5),
    max_leaves=12,
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=3), st.integers(0, 3)), max_size=8)


def mutated(data: bytes, edits: list[tuple[float, bytes, int]]) -> bytes:
    """Return data with some bytes replaced, removed or inserted."""
    for place, insertion, n_removed in edits:
        start = int(place * len(data))
        data = data[:start] + insertion + data[start + n_removed :]
    return data


@contextlib.contextmanager
def little_memory(suffix: str) -> Generator[None, None, None]:
    """Check what a block allocates; for Arrow, by its own count, since its threads break tracemalloc."""
    if suffix == ".parquet":
        yield
        assert pa.default_memory_pool().max_memory() < MOST_MEMORY
        return
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def collected(suffix: str = "", **flags) -> list[VideoRef]:
    """Return the videos of a source, none if it is refused; check what is true of all of them."""
    found: list[VideoRef] = []
    listed: list[VideoRef] = []
    with little_memory(suffix), contextlib.suppress(UserError):
        inputs = collect(RunConfig(**flags))
        found = list(inputs.refs())
        listed = list(inputs.listed())
    assert len({ref.id for ref in found}) == len({ref.name for ref in found}) == len(found)
    assert {ref.id for ref in listed} == {ref.id for ref in found}
    for ref in found:
        assert not ref.name.startswith("/")
        assert not {"", ".", ".."} & set(ref.name.split("/"))
        assert "\\" not in ref.name
        ref.name.encode()
        ref.id.encode()
        assert ref.start_s is None or 0 <= ref.start_s < float("inf")
        assert ref.end_s is None or (ref.start_s or 0) < ref.end_s < float("inf")
        assert ref.refused is None or (ref.refused[0] in ("failed", "skipped") and ref.refused[1])
    return found


def from_list(data: bytes, suffix: str, **flags) -> list[VideoRef]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"list{suffix}"
        path.write_bytes(data)
        return collected(suffix, file_with_video_paths=str(path), **flags)


@many
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_text(data):
    from_list(data, ".txt")
    from_list(data, ".txt", video_root="s3://bucket/x")


@many
@given(ROWS, EDITS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_csv(rows, edits, newline, with_header):
    lines = [["path", "start_s", "end_s", "id"], *rows] if with_header else rows
    text = newline.join(",".join(row) for row in lines)
    from_list(mutated(text.encode("utf-8", "surrogatepass"), edits), ".csv")


@many
@given(st.lists(JSON, max_size=8), EDITS)
def test_json_lines(rows, edits):
    from_list(mutated("\n".join(map(json.dumps, rows)).encode(), edits), ".jsonl")


@many
@given(st.lists(st.tuples(CELLS, st.none() | st.floats(), st.none() | st.integers(-(2**63), 2**63 - 1))), EDITS)
def test_parquet(rows, edits):
    columns = {"path": [row[0].encode("utf-8", "replace").decode() for row in rows]}
    columns |= {
        "start_s": pa.array([row[1] for row in rows], pa.float64()),
        "id": pa.array([row[2] for row in rows], pa.int64()),
    }
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    from_list(mutated(buffer.getvalue(), edits), ".parquet")


@many
@given(
    JSON
    | st.lists(st.fixed_dictionaries({"filename": st.sampled_from(["a.mp4", "b", "x/c.mp4", "", "\ud800"]) | JSON})),
    EDITS,
)
def test_metadata(content, edits):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s.json").write_bytes(mutated(json.dumps(content).encode(), edits))
        (Path(folder) / "s.tar").write_bytes(tar_bytes({"a.mp4": b"x", "x/c.mp4": b"y"}))
        found = collected(tar_path=[f"{folder}/s.tar"])
        assert sum(ref.refused is None for ref in found) == 2


MEMBER_NAMES = st.sampled_from(
    ["a.mp4", "b.mp4", "a.json", "x/a.mp4", "../a.mp4", "/a.mkv", "n" * 200 + ".mp4", "é.mp4"]
)
KINDS = st.sampled_from([tarfile.REGTYPE, *tarfile.SUPPORTED_TYPES, b"Q"])
MEMBERS = st.lists(st.tuples(MEMBER_NAMES, KINDS, st.binary(max_size=1500)), max_size=6)
HEADER_EDITS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 511), st.binary(min_size=1, max_size=12)), max_size=4
)


@many
@given(
    MEMBERS,
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    HEADER_EDITS,
    EDITS,
    st.sampled_from([None, "gz", "zst"]),
)
def test_tar(members, form, header_edits, edits, packed):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(data)
            tar.addfile(info, io.BytesIO(data))
    data = bytearray(buffer.getvalue())
    for block, place, insertion in header_edits:  # with a checksum that fits, or the header would simply be refused
        start = min(block, len(data) // 512 - 1) * 512
        data[start + place : min(start + 512, start + place + len(insertion))] = insertion[: 512 - place]
        total = sum(data[start : start + 148]) + sum(data[start + 156 : start + 512]) + 256
        data[start + 148 : start + 156] = b"%06o\0 " % total
    content = bytes(data)
    if packed is None or len(edits) % 2:
        content = mutated(content, edits)
    if packed is not None:
        content = gzip.compress(content) if packed == "gz" else pa.compress(content, "zstd", asbytes=True)
        content = content if len(edits) % 2 else mutated(content, edits)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.tar"
        path.write_bytes(content)
        for ref in collected(tar_path=[str(path)]):
            if ref.refused is None:
                with cast(OpenableMedia, ref.media).open() as file:
                    assert len(file.read()) == ref.size


@many
@given(st.text("{}[]*?.,0123456789ab/\\", max_size=30))
def test_patterns(pattern):
    with tempfile.TemporaryDirectory() as folder:
        collected(tar_path=[f"{folder}/{pattern}"])
