from typing import Any

import pytest

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.run.row_flags import check_align, check_layout, check_names

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


def test_columns_are_of_vectors_in_files_of_one_video() -> None:
    columns: dict[str, Any] = FLAGS | {"array_layout": "columns"}
    check_layout(RunConfig(**columns), {"type": {"key": CROPS}})
    flags: dict[str, Any] = {"array_layout": "columns", "on_extraction": "save_npz"}
    check_layout(RunConfig(**flags), {"type": {"key": ROWS}})
    with pytest.raises(UserError, match=r"type gives \[clips, crops, 2048\]"):
        check_layout(RunConfig(**flags), {"type": {"key": CROPS}})
    with pytest.raises(UserError, match="save_numpy, save_npz, save_pickle"):
        check_layout(RunConfig(array_layout="columns", on_extraction="save_h5"), {"type": {"key": ROWS}})
