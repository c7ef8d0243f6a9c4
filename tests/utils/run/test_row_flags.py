from typing import Any

import pytest

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.extractors.clips_config import VideoClipsConfig
from utils.extractors.flow_config import FlowConfig
from utils.run.row_flags import check_align, check_layout, check_names, check_rows

CROPS, TOKENS, ROWS = "[clips, crops, 2048]", "[windows, tokens, D]", "[windows, D] by the model"
FLAGS: dict[str, Any] = {"on_extraction": "save_numpy", "save_times": False, "name_template": "{stem}__{crop}"}


@pytest.mark.parametrize(
    ("shape", "flags"),
    [
        (CROPS, {}),
        (ROWS, {}),
        (TOKENS, {"name_template": "{stem}"}),
        (ROWS, {"name_template": "{relative}-{key}", "save_times": True}),
        (CROPS, {"on_extraction": "save_npz", "save_times": True}),
    ],
)
def test_what_goes_together(shape: str, flags: dict[str, Any]) -> None:
    check_names(RunConfig(**FLAGS | flags), {"type": {"key": shape}})


@pytest.mark.parametrize(
    ("shape", "flags", "why"),
    [
        (ROWS, {"on_extraction": "save_h5"}, "use save_numpy, save_npz, save_pickle"),
        (ROWS, {"on_extraction": "save_npz", "name_template": "{stem}_{key}"}, "drop it"),
        (CROPS, {"save_times": True, "name_template": "{stem}_{key}__{crop}"}, r"has \{crop\}.*--no-save_times"),
        (ROWS, {"save_times": True, "name_template": "{stem}"}, r"lacks \{key\}.*--no-save_times"),
        (TOKENS, {}, r"type gives \[windows, tokens, D\]"),
        (ROWS, {"name_template": "../{stem}"}, "relative path"),
    ],
)
def test_what_does_not(shape: str, flags: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        check_names(RunConfig(**FLAGS | flags), {"type": {"key": shape}})


@pytest.mark.parametrize(
    ("flags", "types", "why"),
    [
        ({"align": "clip"}, ["clip"], "others"),
        ({"align": "clip"}, ["i3d", "vggish"], "others"),
        ({"align": "clip", "concat": True}, ["clip", "transformers"], r"joins .*transformers gives \[windows, t"),
        ({"align": "clip", "concat": True, "on_extraction": "save_shards"}, ["clip", "vggish"], "save_shards has them"),
        ({"align_by": "mean"}, ["clip", "vggish"], "--align_by is for --align"),
    ],
)
def test_nothing_to_align(flags: dict[str, Any], types: list[str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        check_align(RunConfig(**flags), {name: {name: TOKENS if name == "transformers" else ROWS} for name in types})


@pytest.mark.parametrize(
    ("flags", "config", "why"),
    [
        ({"align": "clip"}, FlowConfig(), "flow gives fields that are not kept"),
        ({"align": "clip"}, VideoClipsConfig(average="both"), "flow gives averages"),
        ({"dtype": "float16"}, FlowConfig(), "flow has --flow_dtype"),
        (FLAGS, VideoClipsConfig(average="clips"), "flow gives averages"),
    ],
)
def test_rows_that_are_not_there(flags: dict[str, Any], config: Any, why: str) -> None:
    check_rows(RunConfig(**flags), {"clip": VideoClipsConfig(average="crops")})
    with pytest.raises(UserError, match=why):
        check_rows(RunConfig(**flags), {"clip": VideoClipsConfig(), "flow": config})


def test_a_file_per_array_needs_a_name_per_array() -> None:
    flags: dict[str, Any] = {"save_times": False, "name_template": "{stem}", "on_extraction": "save_numpy"}
    shapes = {"i3d": {"rgb": ROWS, "flow": ROWS}}
    check_names(RunConfig(**flags, concat=True), shapes)
    npz: dict[str, Any] = flags | {"on_extraction": "save_npz"}
    check_names(RunConfig(**npz), shapes)
    with pytest.raises(UserError, match=r"lacks \{key\}, and i3d gives rgb, flow"):
        check_names(RunConfig(**flags), shapes)


def test_columns_are_of_vectors_in_files_of_one_video() -> None:
    columns: dict[str, Any] = FLAGS | {"array_layout": "columns"}
    check_layout(RunConfig(**columns), {"type": {"key": CROPS}})
    flags: dict[str, Any] = {"array_layout": "columns", "on_extraction": "save_npz"}
    check_layout(RunConfig(**flags), {"type": {"key": ROWS}})
    with pytest.raises(UserError, match=r"type gives \[clips, crops, 2048\]"):
        check_layout(RunConfig(**flags), {"type": {"key": CROPS}})
    with pytest.raises(UserError, match="save_numpy, save_npz, save_pickle"):
        check_layout(RunConfig(array_layout="columns", on_extraction="save_h5"), {"type": {"key": ROWS}})
