"""Lance data sets, read with Lance itself: the rows and columns of Parquet files, each video once."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.sinks import merge, merged, read_outputs, record, staged_lines, videos

from main import main
from utils.errors import RunError
from utils.sinks import lance_rows as lance_format
from utils.sinks import numbered
from utils.sinks.formats import FORMATS
from utils.sinks.output import Output
from utils.sinks.readback import OutputReader
from utils.state.manifest import Manifest
from utils.storage.folder import LocalFolder, folder_at

KIND = "save_lance"


def test_without_the_package_or_at_an_address_it_is_refused(monkeypatch, capsys):
    flags = ["--feature_type", "resnet", "--weights", "random", "--video_paths", "a.mp4", "--on_extraction", KIND]
    monkeypatch.setattr(lance_format.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(lance_format.UserError, match="save_lance needs pylance"):
        FORMATS[KIND].check("out")
    monkeypatch.setattr(lance_format.importlib.util, "find_spec", lambda name: name)
    assert main([*flags, "--output_path", "memory://out"]) == 2
    assert "save_lance writes to a disk only" in capsys.readouterr().err


def test_a_data_set_that_was_copied_to_an_address():
    pytest.importorskip("lance")
    folder = folder_at("memory://copied")
    with folder.whole("features.lance/_versions/1.manifest") as file:
        file.write(b"a version")
    copied = OutputReader(folder)
    with pytest.raises(RunError, match="is read from a disk only; copy the folder to one"):
        copied.read([Output("features.lance/data/x.lance", 1, {}, place="a")])


def opened(folder: Path, name: str = "features") -> Any:
    lance = pytest.importorskip("lance")
    return lance.dataset(str(folder / f"{name}.lance"))


def test_rows_and_columns_are_those_of_parquet(tmp_path):
    pytest.importorskip("lance")
    clips = videos(meta={"split": "train"}, keys=("rgb", "flow"))
    clips += [record('o\'neil\n"x"', seed=8, n_windows=2, keys=("rgb", "flow"))]
    lines = merged(KIND, LocalFolder(tmp_path), clips)
    merged("save_parquet", LocalFolder(tmp_path / "parquet"), clips)
    table = pq.read_table(tmp_path / "parquet" / "features-000000.parquet")
    found = opened(tmp_path).to_table()
    assert found.to_pylist() == table.to_pylist() and found.column_names == table.column_names
    assert str(found.schema.field("rgb").type) == "fixed_size_list<item: float>[4]"
    for clip, line in zip(clips, lines, strict=True):
        arrays = read_outputs(LocalFolder(tmp_path), line.outputs)
        np.testing.assert_array_equal(arrays["flow"], clip.arrays["flow"], strict=True)
        np.testing.assert_array_equal(arrays["start_s"], clip.start_s)
    nearest = {"column": "rgb", "q": clips[2].arrays["rgb"][1], "k": 1}
    assert opened(tmp_path).to_table(nearest=nearest)["id"].to_pylist() == ["a/clip2"]


def test_merges_add_files_replace_videos_and_keep_sizes_apart(tmp_path, monkeypatch):
    pytest.importorskip("lance")
    monkeypatch.setattr(numbered, "FILE_VIDEOS", 2)
    folder = LocalFolder(tmp_path)
    old = merged(KIND, folder, [*videos(3), record("wide", size=7)])
    files = {line.outputs[0].file for line in old}
    Manifest(folder).append(*old)
    assert len(files) == 3 and {file.partition("/")[0] for file in files} == {"features.lance", "features-2.lance"}
    killed = merge(KIND, folder, staged_lines(KIND, folder, [record("a/clip1", seed=9)]), files)
    assert opened(tmp_path).count_rows() == 1 + 2 + 3 + 3  # not committed: the staged video is merged again
    again = merged(KIND, folder, [record("a/clip1", seed=9)], files)
    assert opened(tmp_path).count_rows() == 1 + 2 + 3 + 3 and again[0].outputs[0].file != killed[0].outputs[0].file
    taken = files | {again[0].outputs[0].file}
    format_ = FORMATS[KIND].merged
    assert format_ is not None
    for _ in range(2):
        format_.remove_outdated(folder, taken, {old[1].outputs[0].file: [str(old[1].outputs[0].place)]})
        outputs = OutputReader(folder)
        with pytest.raises(RunError):
            outputs.read(old[1].outputs)
        for line, clip in ((old[0], videos(3)[0]), (old[2], videos(3)[2]), (again[0], record(seed=9))):
            assert OutputReader(folder).is_readable(line.outputs)
            np.testing.assert_array_equal(outputs.read(line.outputs)["rgb"], clip.arrays["rgb"])
        assert opened(tmp_path).count_rows() == 1 + 3 + 3 and opened(tmp_path, "features-2").count_rows() == 3
    format_.remove_outdated(folder, {old[0].outputs[0].file}, {})
    assert opened(tmp_path).count_rows() == 1
    two, _ = (line.outputs[0] for line in merged(KIND, folder, videos(2), {old[0].outputs[0].file}))
    shutil.rmtree(tmp_path / "features.lance" / "_deletions")
    (tmp_path / "features.lance" / "_deletions").touch()  # a file, so the note cannot be written: that is no damage
    causes = "File exists|Not a directory"  # which of them depends on what Lance's version asks of the system first
    with pytest.raises(RunError, match=rf"features.lance: cannot be written \(({causes})\); run the same command"):
        format_.remove_outdated(folder, {old[0].outputs[0].file, two.file}, {two.file: [str(two.place)]})
    format_.remove_outdated(folder, {old[0].outputs[0].file}, {})
    (path,) = (tmp_path / "features.lance" / "data").glob(Path(old[0].outputs[0].file).name)
    path.write_bytes(path.read_bytes()[:-9])
    assert not OutputReader(folder).is_readable(old[0].outputs)
    (tmp_path / "features.lance" / "_versions").rename(tmp_path / "gone")
    assert merged(KIND, folder, [record("new")])[0].outputs[0].file.startswith("features")


def test_a_run_that_was_killed_as_it_began_the_first_version_leaves_no_data_set(tmp_path):
    pytest.importorskip("lance")
    begun = tmp_path / "features.lance" / "_versions"
    begun.mkdir(parents=True)
    (begun / "18446744073709551614.manifest#1").write_bytes(b"")  # before it is renamed
    clips = videos()
    merged(KIND, LocalFolder(tmp_path), clips)
    assert sum(len(clip.arrays["rgb"]) for clip in clips) == opened(tmp_path).count_rows()
    assert [path.name for path in tmp_path.glob("*.lance")] == ["features.lance"]
