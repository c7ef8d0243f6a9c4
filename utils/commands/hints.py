"""What to say of a command line that is wrong: the word that may be meant, and what to type instead."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from utils.config.run import RunConfig
from utils.config.schema import aliases, did_you_mean, field_names
from utils.errors import PROGRAM
from utils.extractors.registry import Model

COMMANDS = {  # name → arguments, what it does
    "models": ("[WORD ...]", "feature types: dimensions, sizes and licences of their checkpoints"),
    "weights": ("fetch TYPE ...", "download the checkpoints of feature types ahead of time"),
    "text": ("SENTENCE ...", "vectors of texts in the space of features, to search them by text"),
    "submit": ("FLAGS", "the extraction as an array job of Slurm"),
    "recipes": ("[NAME ...]", "published feature sets that --recipe reproduces, and what is known of them"),
    "estimate": ("FLAGS", "hours, money and bytes that an extraction will take, from a sample of its list"),
    "status": ("DIR", "progress of the runs on an output folder, and causes of failures"),
    "compare": ("A B", "whether two folders of features are equal, or what was done differently"),
    "search": ("OUT SENTENCE", "windows of saved features by text, by example; outliers, near-duplicates"),
    "card": ("OUT", "a data set card of saved features, README.md, as the Hugging Face hub reads it"),
    "publish": ("OUT ADDRESS", "upload of saved features and their card to the Hugging Face hub"),
    "view": ("OUT", "a page that shows saved features: videos, windows on a map, each video on its time axis"),
    "help": ("[TYPE ...]", "this help, also --help; of feature types, all their flags"),
    "version": ("", "the version, also --version"),
}

SHORT = {"V": "version", "v": "version"}  # what other programs have
THERE = {  # flags of extractors that people come from → what to do here; docs/coming_from.md
    "output_dir": "--output_path DIR",
    "out_path": "--output_path DIR",
    "num_clips_per_video": "--num_clips N",
    "force_stop_after_n_videos": "--limit N",
    "keep_tmp_files": "not needed, as nothing is re-encoded; --keep_frames writes the sampled frames as images",
    "pred_texts": "--show_pred LABELS.txt, one text per line",
    "resize_to_smaller_edge": "the default; --resize_to_larger_edge is the other",
    "cpu": "--device cpu",
    "gpu": "--device_ids 0",
    "gpus": "--device_ids 0 1 ...",
    "format": "--on_extraction save_npz, or another of its formats",
    "list": "--file_with_video_paths FILE",
    "resume": "not needed: the same command goes on where the last one ended; --overwrite starts anew",
}
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"  # what word processors put for "-"


def wrong_command(word: str, models: Mapping[str, Model]) -> str:
    """Return what to say where the command line starts with a word that is not a command."""
    if "=" in word:
        return f"{word}: {_with_hyphens(word)}; see {PROGRAM} --help"
    if word in models:
        return f"{word} is a feature type: {PROGRAM} --feature_type {word} --video_paths FILE"
    if dash := wrong_dash(word, models):
        return dash
    if Path(word).exists():
        return f"{word}: files come after --video_paths: {PROGRAM} --feature_type TYPE --video_paths {word}"
    close = did_you_mean(word, COMMANDS) or did_you_mean(word, models)
    return f"{word}: no such command{close}; commands are {', '.join(COMMANDS)}; see {PROGRAM} --help"


def wrong_feature_type(name: str, models: Mapping[str, Model]) -> str:
    """Return what to say of a feature type that does not exist."""
    if "=" in name:
        return f"--feature_type {name}: {_with_hyphens(name)}"
    if name in COMMANDS:
        return f"--feature_type {name}: {name} is a command: {PROGRAM} {name}"
    if Path(name).exists():
        return f"--feature_type {name}: files come after --video_paths"
    return f"--feature_type {name}: choose from {', '.join(models)}{did_you_mean(name, models)}"


def no_feature_type(unknown: Sequence[str], models: Mapping[str, Model]) -> str:
    """Return what to say where no feature type is given. unknown: flags, one of which may be meant for it."""
    for argument in unknown:
        key = _key(argument)
        command = SHORT.get(key, key.lower())
        if command in COMMANDS:
            return f"{argument}: commands have no hyphens: {PROGRAM} {command}"
        if "feature_type" in did_you_mean(key, field_names(RunConfig)):
            return f"{argument.partition('=')[0]} is unknown (did you mean --feature_type?)"
        close = did_you_mean(key, COMMANDS)
        if close and argument.startswith("-") and not _types_with(key, models):
            return f"{argument}: no such flag, and no such command{close}; see {PROGRAM} --help"
    return f"--feature_type is missing; choose from {', '.join(models)}"


def wrong_dash(argument: str, models: Mapping[str, Model]) -> str:
    """Return what to say of a flag with a dash of a word processor, which counts as a value; "" for anything else."""
    if argument[:1] not in tuple(DASHES):
        return ""
    flag = argument.lstrip(f"{DASHES}-").partition("=")[0]
    classes = [RunConfig, *(model.config_class() for model in models.values())]
    known = {name for cls in classes for name in (*field_names(cls), *aliases(cls))}
    key = flag.replace("-", "_").rpartition(".")[2]
    return f"{argument} begins with a dash of a word processor: type --{flag}" if key in known else ""


def unknown_flag(argument: str, feature_types: Sequence[str], models: Mapping[str, Model]) -> str:
    """Return what to say of an argument that no flag takes."""
    if not argument.startswith("-"):
        instead = f"; {_with_hyphens(argument)}" if "=" in argument else ""
        return f"unexpected argument {argument!r}{instead}; see {PROGRAM} --help"
    return f"--{unknown_key(_key(argument), feature_types, models, '--')}"


def unknown_key(key: str, feature_types: Sequence[str], models: Mapping[str, Model], prefix: str = "") -> str:
    """Return what to say of a setting that none of the feature types has. prefix: what stands before keys."""
    if key in COMMANDS:
        return f"{key}: commands have no hyphens and no feature type: {PROGRAM} {key}"
    name = key.partition(".")[0]
    if name in models and name not in feature_types:
        return f"{key} is for --feature_type {name}, which this run does not extract"
    if key in THERE:
        return f"{key} is a flag of another extractor; here it is {THERE[key]}"
    others = _types_with(key, models)
    if others:
        return f"{key} is not used by --feature_type {' '.join(feature_types)}, only by {', '.join(others)}"
    own = field_names(RunConfig).union(*(field_names(models[name].config_class()) for name in feature_types))
    return f"{key} is unknown{did_you_mean(key, own, prefix)}"


def _types_with(key: str, models: Mapping[str, Model]) -> list[str]:
    """Return the feature types that have this flag."""
    return [name for name, model in models.items() if key in field_names(model.config_class())]


def _with_hyphens(pair: str) -> str:
    """Return what to type for "key=value"."""
    key, _, value = pair.partition("=")
    return f"flags start with --, such as --{key} {value}"


def _key(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0].replace("-", "_")
