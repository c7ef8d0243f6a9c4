"""The flags of `RunConfig` about a video's rows between its network and its files."""

from typing import Any

from utils.config.schema import flag

DTYPE: Any = flag(
    "float32",
    "of float features as they are saved; numbers beyond the 65504 of float16 become infinite, and are noted",
    group="rows",
    choices=("float32", "float16"),
    added_later=True,
)
CONCAT: Any = flag(
    False,
    "join the arrays of a feature type, such as i3d's rgb and flow, or with --align those of all types, along the last "
    "axis into one, called features",
    group="rows",
    added_later=True,
)
ARRAY_LAYOUT: Any = flag(
    "rows",
    "columns: files of save_numpy, save_pickle and save_npz hold [D, rows] for [rows, D], as loaders of frame labels "
    "read them",
    group="rows",
    choices=("rows", "columns"),
    added_later=True,
)
ALIGN: Any = flag(
    None,
    "put the rows of all feature types of the run on the windows of this one, by time; a video then has features "
    "of all types or of none",
    group="rows",
    metavar="TYPE",
    added_later=True,
)
ALIGN_BY: Any = flag(
    "nearest",
    "nearest: the row whose middle is nearest to the middle of the window; mean: of all rows whose middle is in it",
    group="rows",
    choices=("nearest", "mean"),
    added_later=True,
)
ALIGN_ENDS: Any = flag(
    "truncate",
    "truncate: windows end with the type whose rows end first; pad: all windows of --align are kept, and the last "
    "row of a type that ends before is repeated",
    group="rows",
    choices=("truncate", "pad"),
    added_later=True,
)
NAME_TEMPLATE: Any = flag(
    None,
    "names of the files of save_numpy, save_pickle and save_npz without suffix, folders included, from {relative} "
    "(the video's name with its folders), {stem} (without them), {id} (of the list; else the stem), {key}, {type} "
    "and {crop}, which gives each crop its own file (default: {relative}_{key}; of save_npz {relative})",
    group="rows",
    metavar="TEMPLATE",
    added_later=True,
)
SAVE_TIMES: Any = flag(
    True,
    "save start_s, end_s, fps and timestamps_ms beside the features",
    group="rows",
    added_later=True,
)
