"""Flags about rows and names that do not go together, refused before any work."""

from collections.abc import Collection, Mapping

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.errors import UserError
from utils.sinks import npz
from utils.sinks.formats import FORMATS
from utils.sources.name_template import NameTemplate


def check_names(run: RunConfig, shapes: Mapping[str, Mapping[str, str]]) -> None:
    """Raise UserError for a --name_template that the format or the outputs have no use for, or that is not enough.

    shapes: by feature type, key → shape as text, as the table of models has it.
    """
    if run.name_template is None:
        return
    template, files = NameTemplate.of(run.name_template), FORMATS[run.on_extraction].files
    if files is None:
        formats = ", ".join(_with_files())
        raise _refusal(f"is for files of one video, which --on_extraction {run.on_extraction} has not: use {formats}")
    if files is npz:
        if template.has("key"):
            raise _refusal("has {key}, and save_npz puts all arrays of a video into one file: drop it")
    elif run.save_times and (template.has("crop") or not template.has("key")):
        wanted = "has {crop}" if template.has("crop") else "lacks {key}"
        raise _refusal(f"{wanted}, and times are saved in files beside the features: add --no-save_times")
    if template.has("crop"):
        _refuse_axes(shapes, {"crops"}, "--name_template has {crop}")
    for feature_type, outputs in shapes.items():
        if files is not npz and not (template.has("key") or run.concat or len(outputs) == 1):
            raise _refusal(f"lacks {{key}}, and {feature_type} gives {', '.join(outputs)}: add it, or --concat")


def check_layout(run: RunConfig, shapes: Mapping[str, Mapping[str, str]]) -> None:
    """Raise UserError for --array_layout columns where rows are no vectors, or go into files of many videos."""
    if run.array_layout == "rows":
        return
    if FORMATS[run.on_extraction].files is None:
        raise UserError(
            f"--array_layout is for files of one video: --on_extraction is one of {', '.join(_with_files())}"
        )
    by_crop = run.name_template is not None and NameTemplate.of(run.name_template).has("crop")
    _refuse_axes(shapes, {"crops"} if by_crop else set(), "--array_layout columns turns [rows, D]")


def _refuse_axes(shapes: Mapping[str, Mapping[str, str]], known: Collection[str], what: str) -> None:
    """Raise UserError for arrays of more axes than rows, numbers and the known ones."""
    for feature_type, outputs in shapes.items():
        for shape in outputs.values():
            axes = shape[: shape.find("]")].split(", ")
            if len([axis for axis in axes if axis not in known]) > 2:
                raise UserError(f"{what}, and {feature_type} gives {shape} here: drop it")


def _with_files() -> list[str]:
    """Return the formats with files of one video."""
    return [name for name, each in FORMATS.items() if each.files is not None]


def check_rows(run: RunConfig, configs: Mapping[str, Config]) -> None:
    """Raise UserError for flags about rows where a feature type has no row per window, or none that fits in memory.

    configs: by feature type.
    """
    by_crop = run.name_template is not None and NameTemplate.of(run.name_template).has("crop")
    for feature_type, config in configs.items():
        streamed, averages = getattr(config, "streamed", False), getattr(config, "averages", False)
        if run.dtype == "float16" and streamed:
            raise UserError(f"--dtype float16 is for rows that fit in memory: {feature_type} has --flow_dtype float16")
        if run.align is not None and (streamed or averages):
            what = "fields that are not kept in memory" if streamed else "averages over the video"
            raise UserError(
                f"--align is for types with a row per window, and {feature_type} gives {what} here: leave it out"
            )
        if by_crop and averages:
            raise _refusal(f"has {{crop}}, and {feature_type} gives averages over the video here: drop it")


def check_align(run: RunConfig, shapes: Mapping[str, Mapping[str, str]]) -> None:
    """Raise UserError for an --align that has nothing to align, or with --concat, rows that are no vectors."""
    if run.align is None:
        for name, default in (("align_by", "nearest"), ("align_ends", "truncate")):
            if getattr(run, name) != default:
                raise UserError(f"--{name} is for --align: give that, too")
        return
    if run.align not in shapes or len(shapes) < 2:
        raise UserError(
            f"--align {run.align} puts the rows of other types on the windows of {run.align}: give --feature_type "
            "that type and others"
        )
    if run.concat:
        if FORMATS[run.on_extraction].by_shard:
            raise UserError(f"--concat joins all types of --align, and {run.on_extraction} has them apart: drop it")
        _refuse_axes(shapes, {"crops"}, "--concat joins the rows of all types of --align")


def _refusal(reason: str) -> UserError:
    return UserError(f"--name_template {reason}")
