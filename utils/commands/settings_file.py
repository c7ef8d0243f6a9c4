"""Settings of a YAML file: which are for all feature types, and which for one."""

from collections.abc import Mapping, Sequence
from typing import Any

from utils.commands.hints import unknown_key
from utils.config.run import RunConfig
from utils.config.schema import aliases, field_names
from utils.errors import UserError
from utils.extractors.registry import Model


def split_settings(
    origin: str, yaml: Mapping[str, Any], feature_types: Sequence[str], models: Mapping[str, Model]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the settings of a file that are for all, and those of single feature types, under their fields' names.

    origin: of the file, for messages. Those of a single type are below its name, or have it before a dot, as on the
        command line: `i3d.streams: [rgb]`.
    """
    classes = [RunConfig, *(models[name].config_class() for name in feature_types)]
    names = {alias: key for cls in classes for alias, key in aliases(cls).items()}
    general: dict[str, Any] = {}
    of_types: dict[str, dict[str, Any]] = {}
    for key, value in yaml.items():
        name, dot, own = key.partition(".")
        if name in feature_types and (dot or isinstance(value, dict)):
            for flag, one in [(own, value)] if dot else value.items():
                _add(of_types.setdefault(name, {}), origin, name, str(flag), one, models)
            continue
        key = names.get(key, key)
        if not any(key in field_names(cls) for cls in classes):
            raise UserError(f"{origin}: {unknown_key(key, feature_types, models)}")
        if key in general:
            raise UserError(f"{origin}: {key} is given twice, under two names: drop one of them")
        general[key] = value
    return general, of_types


def _add(settings: dict[str, Any], origin: str, name: str, flag: str, value: Any, models: Mapping[str, Model]) -> None:
    """Add a setting of the feature type `name` to those that the file has given for it."""
    cls = models[name].config_class()
    flag = flag.replace("-", "_")
    key = aliases(cls).get(flag, flag)
    if key not in field_names(cls):
        raise UserError(f"{origin}: {name}: {unknown_key(key, [name], models)}")
    if key in settings:
        raise UserError(f"{origin}: {name}.{key} is given twice, below {name} and with a dot: drop one of them")
    settings[key] = value
