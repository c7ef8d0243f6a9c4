"""List files with columns: what rows mean, and bad rows."""

import collections
import json
import tracemalloc

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.sources import refusal

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect
from utils.sources.list_file import ListFile

ROWS = [
    {"path": "a.mp4", "start_s": 1.5, "end_s": 4.0, "label": "x"},
    {"path": "a.mp4", "start_s": 4.0, "end_s": None, "label": None},
    {"path": "b.mp4", "start_s": None, "end_s": None, "label": "z, \"quoted\""},
]  # fmt: skip


def collected(path):
    return list(collect(RunConfig(file_with_video_paths=str(path))).refs())


def write(folder, suffix):
    path = folder / f"list{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        path.write_bytes(
            b'\xef\xbb\xbfpath,Start_S,end,label\r\n"a.mp4",1.5,4.0,x\r\na.mp4,4,,\r\n\r\nb.mp4,,,"z, ""quoted"""\r\n'
        )
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_columns_give_segments_and_metadata(tmp_path, suffix):
    refs = collected(write(tmp_path, suffix))
    assert [(ref.id, ref.name, ref.start_s, ref.end_s) for ref in refs] == [
        ("a.mp4#1.5-4", "a_1.5_4", 1.5, 4.0),
        ("a.mp4#4-", "a_4_end", 4.0, None),
        ("b.mp4", "b", None, None),
    ]
    assert [ref.meta for ref in refs] == [{"label": "x"}, {}, {"label": 'z, "quoted"'}]
    assert not any(ref.refused for ref in refs)


def test_ids_name_rows_and_equal_ones_are_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("id,filename,start,end\nclip/1,a.mp4,0,1\n2,a.mp4,1,2\n,c.mp4,,\n")
    assert [(ref.id, ref.name) for ref in collected(path)] == [("clip/1", "clip/1"), ("2", "2"), ("c.mp4", "c")]
    path.write_text("id,path,start,end\nx,a.mp4,0,1\nx,a.mp4,1,2\n")
    with pytest.raises(UserError, match=r"'x': give each row a different id"):
        collected(path)
    path.write_text("id,path\na.mp4,b.mp4\n,a.mp4\n")
    with pytest.raises(UserError, match=r"both have the id 'a\.mp4'"):
        collected(path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",1,2,", "has no path"),
        ("a.mp4,2,1,", "not after start_s 2"),
        ("a.mp4,2,2,", "not after start_s 2"),
        ("a.mp4,,0,", "not after start_s 0"),
        ("a.mp4,-1,2,", "before the start of the video"),
        ("a.mp4,1:30,2:00,", "'1:30', not a number"),
        ("a.mp4,nan,2,", "'nan', not a number"),
        ("a.mp4,0,inf,", "'inf', not a number"),
        ("a.mp4,0,1,x,y", "5 fields for 4 columns"),
        ('"a.mp4"x,0,1,', "double quotes"),
        ("a\0.mp4,0,1,", "NUL"),
    ],
)
def test_a_bad_row_is_one_refused_video(tmp_path, row, words):
    path = tmp_path / "list.csv"
    path.write_text("path,start_s,end_s,id\n" + "good.mp4,,,\n" * 2000 + f"{row}\nlast.mp4,,,\n")
    good, bad, last = collected(path)
    assert (good.name, last.name) == ("good", "last")
    assert refusal(bad)[0] == "failed"
    assert f"{path}, line 2002: " in refusal(bad)[1]
    assert words in refusal(bad)[1]


@pytest.mark.parametrize(
    ("rows", "lost", "kept"),
    [
        (
            ['"b.mp4', "c.mp4", "d.mp4"],
            "line 3: unexpected end of data, so lines 3 to 5 are lost; close every quote",
            [],
        ),
        (['"b.mp4', "c.mp4", '"d.mp4"', "e.mp4"], "line 3: ',' expected after '\"', so lines 3 to 5 are lost", ["e"]),
        (['"b.mp4'], "line 3: unexpected end of data; close every quote", []),
        (['"b.mp4', "x" * (1 << 21), "c.mp4"], "bytes; is the file a list?, so lines 3 to 4 are lost", ["c"]),
    ],
)
def test_an_open_quote_loses_the_lines_up_to_the_end_of_its_record(tmp_path, rows, lost, kept):
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["path", "a.mp4", *rows]))
    first, bad, *others = collected(path)
    assert (first.name, [ref.name for ref in others]) == ("a", kept)
    assert lost in refusal(bad)[1]


@pytest.mark.parametrize("line", ["x" * 99 + ".mp4,\n", '","' + "x" * 99 + "\n"], ids=["field", "fields"])
def test_a_record_without_end_takes_little_memory(tmp_path, line):
    path = tmp_path / "list.csv"
    path.write_text('path,label\n"start\n' + line * 100_000 + "last.mp4,\n")
    rows = ListFile(str(path)).rows()
    tracemalloc.start()
    problem = next(rows).problem
    last = collections.deque(rows, maxlen=1).pop()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    assert problem is not None and "so lines 2 to " in problem
    assert (last.number, last.path) == (100_003, "last.mp4")


def test_broken_json_lines_are_refused_alone(tmp_path):
    lines = ['{"path": "a.mp4"}', "{", "[" * 100_000, '"b.mp4"', '{"path": 3}', '{"path": "c", "id": 1.5}', "9" * 5000]
    lines += [
        '{"path": "x", "start": true}',
        '{"path": "x\\ud800.mp4"}',
        '{"path": "x", "end": 1e999}',
        '{"url": "z.mp4"}',
    ]
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(lines))
    refs = collected(path)
    assert [ref.refused is not None for ref in refs] == [False] + [True] * 9 + [False]
    assert all(f"line {number}" in ref.refused[1] for number, ref in enumerate(refs, 1) if ref.refused)


def test_a_list_that_cannot_be_read_at_all_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("name,label\na.mp4,1\n")
    with pytest.raises(UserError, match=r"no column path or .* name, label"):
        collected(tmp_path / "list.csv")
    (tmp_path / "list.parquet").write_bytes(b"PAR1 no parquet PAR1")
    with pytest.raises(UserError, match="not readable as Parquet"):
        collected(tmp_path / "list.parquet")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match="has no path in it"):
        collected(tmp_path / "empty.csv")


def test_a_damaged_row_group_is_refused_alone(tmp_path):
    path = tmp_path / "list.parquet"
    table = pa.table({"path": [f"{i}.mp4" for i in range(1000)], "blob": [b"x"] * 1000})
    parquet.write_table(table, path, row_group_size=100, compression="none")
    group = parquet.ParquetFile(path).metadata.row_group(5).column(0)
    data = bytearray(path.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(data)
    refs = collected(path)
    assert [ref.name for ref in refs if not ref.refused] == [str(i) for i in range(1000) if not 500 <= i < 600]
    assert "line 501: rows 501 to 600 cannot be read" in refusal(refs[500])[1]
    assert "blob" not in refs[0].meta


def test_metadata_has_no_credentials_and_no_endless_values(tmp_path):
    path = tmp_path / "list.jsonl"
    row = {
        "path": "a.mp4",
        "from": "https://u:p@host/x?token=1",
        "text": "x" * 50_000,
        "deep": [[[[[[[[1]]]]]]]],
        "nan": 1,
    }
    path.write_text(json.dumps(row).replace('"nan": 1', '"nan": NaN'))
    (ref,) = collected(path)
    assert ref.meta["from"] == "https://host/x?token=…"
    assert len(ref.meta["text"]) == 10_001
    json.dumps(ref.meta, allow_nan=False)


def test_tabs_and_semicolons_separate_columns_too(tmp_path):
    for suffix, separator in ((".tsv", "\t"), (".csv", ";")):
        path = tmp_path / f"list{suffix}"
        path.write_text(f"label{separator}path\n1{separator}a.mp4\n")
        assert [ref.name for ref in collected(path)] == ["a"]
