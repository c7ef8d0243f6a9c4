"""Every output format through main.py; the files are read back with the libraries that users read them with."""

import json
import os
import pickle
import signal
import tarfile
from pathlib import Path
from typing import Any, cast

import duckdb
import h5py
import numpy as np
import pandas
import pytest
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT, TINY_PROGRAM, manifest, run, start, unfinished, until
from support.sinks import HAS_LANCE
from support.sources import s3_client, s3_server
from webdataset.compat import WebDataset

import featmill

pytestmark = pytest.mark.bits  # of one run against another

TINY = ("--feature_type", "tiny", "--device", "cpu")
NETWORK = ("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu")
MERGED = ("save_h5", "save_parquet", "save_webdataset")  # the last two share most of their code


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four small clips: one in a subfolder, one without audio, one with a dot in its name."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "inner").mkdir()
    write_clip(folder / "a.mp4", moving_frames(30, seed=1), audio=waveform(1, 1.2, 44100))
    write_clip(folder / "b.take2.mp4", moving_frames(5, seed=2), audio=waveform(2, 1.2, 44100))
    write_clip(folder / "inner" / "c.mp4", moving_frames(7, seed=3), audio=waveform(3, 2.3, 44100))
    write_clip(folder / "silent.mp4", moving_frames(3, seed=4))
    return folder


@pytest.fixture(scope="module")
def expected(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The features that save_numpy writes of them, by output name."""
    folder = tmp_path_factory.mktemp("numpy")
    extract("save_numpy", videos, folder)
    paths = sorted((folder / "tiny").rglob("*_tiny.npy"))
    return {path.relative_to(folder / "tiny").as_posix().removesuffix("_tiny.npy"): np.load(path) for path in paths}


@pytest.fixture(scope="module")
def embedded(videos: Path, expected: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The features of a real network, from Python."""
    with featmill.Extractor("timm", model_name="test_vit", weights="random", device="cpu") as extractor:
        found = extractor.map([videos / f"{name}.mp4" for name in expected])
        return {name: video["timm"] for name, video in zip(expected, found, strict=True)}


def extract(kind: str, videos: Path, output: Any, *flags: Any, exit_code: int = 0, **options: Any) -> str:
    """Run the program on the folder; return what it printed."""
    command = (*TINY, "--input_dir", videos, "--on_extraction", kind, "--output_path", output, *flags)
    result = run(*command, program=TINY_PROGRAM, **options)
    assert result.returncode == exit_code, result.stderr
    return result.stdout + result.stderr


def read_h5(folder: Path) -> dict[str, np.ndarray]:
    found = {}

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Group) and "id" in node.attrs:
            assert node.attrs["name"] == name
            found[name] = cast(Any, node)[folder.name][:]

    with h5py.File(folder / "features.h5") as file:
        file.visititems(visit)
    return found


def read_parquet(folder: Path) -> dict[str, np.ndarray]:
    table = pandas.concat(pandas.read_parquet(path) for path in sorted(folder.glob("*.parquet")))
    return {str(name): np.stack(list(rows["embedding"])) for name, rows in table.groupby("name")}


def read_tars(folder: Path) -> dict[str, np.ndarray]:
    paths = [f"file:{path}" for path in sorted(folder.glob("*.tar"))]
    samples = list(cast(Any, WebDataset(paths, shardshuffle=False).decode()))
    found = {sample["json"]["name"]: sample[f"{folder.name}.npy"] for sample in samples}
    assert len(found) == len(samples)
    return found


def read_lance(folder: Path) -> dict[str, np.ndarray]:
    import lance  # pyright: ignore[reportMissingImports]  # an extra

    table = lance.dataset(folder / "features.lance").to_table().to_pandas()
    return {str(name): np.stack(list(rows["embedding"])) for name, rows in table.groupby("name")}


READ = {"save_h5": read_h5, "save_parquet": read_parquet, "save_webdataset": read_tars, "save_lance": read_lance}


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Compare bit for bit."""
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)


@pytest.mark.parametrize("kind", [*MERGED, *(["save_lance"] if HAS_LANCE else [])])
def test_a_format_of_many_videos_holds_them_once_after_damage_and_overwriting(tmp_path, videos, embedded, kind):
    folder = tmp_path / "timm"
    command = (*NETWORK, "--input_dir", videos, "--on_extraction", kind, "--output_path", tmp_path)
    for more in (("--limit", 2), ()):
        assert run(*command, *more).returncode == 0
    assert_equal(READ[kind](folder), embedded)
    n_lines = len((folder / "manifest.jsonl").read_text().splitlines())
    is_numbered = kind in ("save_parquet", "save_webdataset")  # the second run writes the first one's file anew
    assert n_lines == (10 if is_numbered else 8)  # each is extracted once and merged once
    assert all("place" in line["outputs"][0] for line in manifest(folder).values())
    (path,) = folder.glob("features*")
    if kind != "save_lance":  # a folder
        damage(path, embedded["a"])
        assert run(*command).returncode == 0
        assert_equal(READ[kind](folder), embedded)
    if kind in ("save_h5", "save_parquet"):  # tars share its code
        assert run(*command, "--overwrite", "--limit", 3).returncode == 0  # a file keeps only some of its videos
        assert_equal(READ[kind](folder), embedded)
    assert not unfinished(tmp_path)
    if kind == "save_parquet":
        query = f"SELECT embedding FROM '{folder}/*.parquet' WHERE name = 'a' AND start_s >= 1 ORDER BY window_index"
        rows = np.array(cast(Any, duckdb.sql(query)).fetchall(), np.float32)[:, 0]
        np.testing.assert_array_equal(rows, embedded["a"][25:])


def damage(path: Path, rows: np.ndarray) -> None:
    """Change one bit of the rows; where they are compressed, cut the file."""
    data = bytearray(path.read_bytes())
    if path.suffix == ".parquet":
        del data[-2000:]
    else:
        data[data.index(rows.tobytes())] ^= 1
    path.write_bytes(data)


def test_a_killed_run_is_finished_by_the_next(tmp_path, videos, expected):
    """Of HDF5, see test_failures.py."""
    folder, kind = tmp_path / "tiny", "save_parquet"
    process = start(
        *TINY, "--input_dir", videos, "--on_extraction", kind, "--output_path", tmp_path, "--pause_s", 0.02,
        program=TINY_PROGRAM,
    )  # fmt: skip
    until(lambda: (folder / "manifest.jsonl").exists(), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not list(folder.glob("features*"))
    assert list((folder / ".featmill" / "staging").rglob("*.npz"))
    (ended,) = folder.glob("run-*.json")
    done = [line["id"] for line in manifest(folder).values()]
    only_merges = (*TINY, "--video_paths", *done, "--on_extraction", kind, "--output_path", tmp_path)
    assert run(*only_merges, program=TINY_PROGRAM).returncode == 0
    (merging,) = set(folder.glob("run-*.json")) - {ended}
    assert json.loads(merging.read_text())["merged"] == len(done) and list(folder.glob("features*"))
    extract(kind, videos, tmp_path)
    assert_equal(READ[kind](folder), expected)
    assert not unfinished(tmp_path)


@pytest.mark.parametrize("kind", ["save_h5", "save_parquet"])
def test_outputs_can_be_at_an_address(tmp_path, videos, expected, embedded, kind):
    """HDF5 by the tiny type, Parquet by a network through main.py; the clocks of both runs are 26 hours apart."""
    flags = ("--input_dir", videos, "--on_extraction", kind, "--output_path", "s3://bucket/out")
    command, program, folder = (*TINY, *flags), TINY_PROGRAM, "tiny"
    if kind == "save_parquet":
        command, program, folder, expected = (*NETWORK, *flags), ROOT / "main.py", "timm", embedded
    with s3_server() as environment:
        for zone, more in (("EAST-14", ("--limit", 2)), ("WEST+12", ("--overwrite",))):
            done = run(*command, *more, env=environment | {"TZ": zone}, program=program)
            assert done.returncode == 0, done.stderr
        client = s3_client(environment)
        keys = [found["Key"] for found in client.list_objects_v2(Bucket="bucket")["Contents"]]
        for key in keys:
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            client.download_file("bucket", key, str(tmp_path / key))
    assert_equal(READ[kind](tmp_path / "out" / folder), expected)
    assert not [key for key in keys if ".featmill" in key and "/merged/" not in key]


@pytest.mark.parametrize("kind", ["save_npz", "save_parquet"])
def test_one_file_for_the_list_is_in_its_order(tmp_path, videos, expected, kind):
    names = ("inner/c", "a", "b.take2")
    (tmp_path / "list.txt").write_text("".join(f"{name}.mp4\n" for name in names))
    result = run(
        *TINY, "--video_list", tmp_path / "list.txt", "--video_root", videos, "--on_extraction", kind,
        "--output_path", tmp_path / "out", "--out", tmp_path / "all.pkl", program=TINY_PROGRAM,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    entries = pickle.loads((tmp_path / "all.pkl").read_bytes())
    for entry, name in zip(entries, names, strict=True):
        np.testing.assert_array_equal(entry, expected[name], strict=True)


@pytest.fixture(scope="module")
def shards(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tars of the clips, one with the metadata of ACAV100M."""
    folder = tmp_path_factory.mktemp("shards")
    members = {"shard-000000": ("b.take2.mp4", "a.mp4", "silent.mp4"), "shard-000001": ("inner/c.mp4",)}
    for shard, names in members.items():
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for name in names:
                tar.add(videos / name, name)
    about = [{"filename": "a.mp4", "id": "YouTube-a", "segment": [3, 13]}]
    (folder / "shard-000000.json").write_text(json.dumps(about))
    return folder


def extract_shards(shards: Path, output: Path, *flags: Any) -> dict[str, list[dict[str, Any]]]:
    """Run two feature types over the shards, and return the rows by shard."""
    result = run(
        "--feature_type", "tiny", "vggish", "--layers", "--weights", "random", "--device", "cpu",
        "--tar_path", f"{shards}/shard-{{000000..000001}}.tar", "--on_extraction", "save_shards",
        "--output_path", output, *flags, program=TINY_PROGRAM,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr  # the silent clip fails in vggish
    return {path.stem: pickle.loads(path.read_bytes()) for path in sorted(output.glob("*.pkl"))}


def test_shards_hold_the_features_of_all_types(tmp_path, shards, expected):
    rows = extract_shards(shards, tmp_path)
    assert {shard: [row["filename"] for row in found] for shard, found in rows.items()} == {
        "shard-000000": ["b.take2.mp4", "a.mp4", "silent.mp4"],
        "shard-000001": ["c.mp4"],
    }
    _, a, silent = rows["shard-000000"]
    assert (a["id"], a["segment"]) == ("YouTube-a", [3, 13])
    (visual,), (audio,) = a["visual_features"], a["audio_features"]
    np.testing.assert_allclose(visual["feat_array"], expected["a"].mean(0), rtol=1e-6)
    assert (visual["extractor_name"], audio["extractor_name"], audio["dataset"]) == ("tiny", "VGGish", "YouTube-8M")
    assert [layer.shape for layer in audio["feat_array"].values()] == [(64,), (128,), (256,), (512,), (128,)]
    assert (len(silent["visual_features"]), silent["audio_features"]) == (1, [])
    assert not [path for path in unfinished(tmp_path) if path.is_file()]  # finished shards stay marked
    (tmp_path / "shard-000000.pkl").write_bytes(b"lost")
    assert str(extract_shards(shards, tmp_path)) == str(rows)


def test_the_keys_of_acav100ms_code(tmp_path, shards):
    rows = extract_shards(shards, tmp_path, "--shard_keys", "code")
    (row,) = rows["shard-000001"]
    assert list(row) == ["video_features", "audio_features", "filename", "shard_size", "shard_name"]
    assert (row["filename"], row["shard_size"], row["shard_name"]) == ("c", 1, "shard-000001")
    assert list(row["video_features"][0]) == ["model_key", "extractor_name", "dataset", "array"]


def test_shards_need_tars_and_parquet_cannot_store_flow(tmp_path, videos):
    message = extract("save_shards", videos, tmp_path, exit_code=2)
    assert "--tar_path" in message
    flow = ("--feature_type", "raft", "--device", "cpu", "--input_dir", videos, "--output_path", tmp_path)
    result = run(*flow, "--on_extraction", "save_parquet")
    assert (result.returncode, "raft gives arrays" in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
