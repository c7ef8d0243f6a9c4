"""How flags are read: argparse with errors of one line, and flags made from the config dataclasses."""

import argparse
import dataclasses
from collections.abc import Sequence, Set
from typing import Any, NoReturn

from utils.config.schema import value_type
from utils.errors import PROGRAM, UserError


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line and exit code 2.

    Flags may have hyphens for underscores. A flag given twice adds where it takes a list; else it is refused.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage."""
        raise UserError(f"{message}; see {PROGRAM} --help")

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # its overloads are told apart by types
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Return the values, and the arguments that are not known. Raises UserError."""
        spelled = [self._spelled(argument) for argument in args or ()]
        self._refuse_repeats(spelled)
        return super().parse_known_args(spelled, namespace)

    def _spelled(self, argument: str) -> str:
        """Return a flag under the name that it was added by: `--video_list` for `--video-list`."""
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            return argument
        plain, negated = (f"{start}{name[len(start) :].replace('-', '_')}" for start in ("--", "--no-"))
        known = next((each for each in (name, plain, negated) if each in self._option_string_actions), name)
        return f"{known}{equals}{value}"

    def _refuse_repeats(self, arguments: Sequence[str]) -> None:
        given: dict[str, str] = {}
        for argument in arguments:
            if argument == "--":
                return
            name = argument.partition("=")[0]
            action = self._option_string_actions.get(name)
            if action is None or action.nargs == "+":
                continue
            if action.dest in given:
                twice = name if given[action.dest] == name else f"{given[action.dest]}, also called {name},"
                self.error(f"{twice} is given twice, and takes one value: drop one of them")
            given[action.dest] = name


def add_flags(parser: argparse.ArgumentParser, cls: type, taken: Set[str] = frozenset(), prefix: str = "") -> set[str]:
    """Add a flag for each field of a config dataclass, in its groups; return their names. Defaults stay there.

    taken: fields whose flags another class has added already. prefix: "TYPE.", for flags that `--help` does not repeat.
    """
    groups: dict[str, Any] = {}
    specs = [spec for spec in dataclasses.fields(cls) if spec.name not in taken]
    for spec in specs:
        group = spec.metadata["group"]
        target = groups.setdefault(group, parser.add_argument_group(group))
        kind, many = value_type(cls, spec.name)
        names = [f"--{prefix}{name}" for name in (spec.name, *spec.metadata["aliases"])]
        shown = argparse.SUPPRESS if prefix else _help(spec)
        options: dict[str, Any] = {"dest": f"{prefix}{spec.name}", "default": argparse.SUPPRESS, "help": shown}
        if kind is bool and spec.metadata["optional_value"]:
            no = [f"--no-{name.removeprefix('--')}" for name in names]
            target.add_argument(*no, **options | {"action": "store_false", "help": argparse.SUPPRESS})
            options |= {"nargs": "?", "const": True, "metavar": spec.metadata["metavar"]}
        elif kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "metavar": "|".join(spec.metadata["choices"]) or spec.metadata["metavar"]}
            if many:
                options |= {"nargs": "+", "action": "extend"}
        target.add_argument(*names, **options)
    return {spec.name for spec in specs}


def _help(spec: dataclasses.Field) -> str:
    factory = spec.default_factory
    default = spec.default if isinstance(factory, dataclasses._MISSING_TYPE) else factory()
    if default in (None, [], ""):
        return spec.metadata["help"].replace("%", "%%")
    shown = " ".join(default) if isinstance(default, list) else default
    return f"{spec.metadata['help']} (default: {shown})".replace("%", "%%")
