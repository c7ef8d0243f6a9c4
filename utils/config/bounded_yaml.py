"""YAML in bounded time: a small file can stand for a huge one, by aliases of aliases, or be nested thousands deep."""

from typing import Any, cast

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.parser import ParserError
from yaml.scanner import ScannerError

MOST_BYTES = 1 << 20  # a few seconds
MOST_VALUES = 100_000  # with each alias counted as what it stands for
DEEPEST = 20
LONGEST_NUMBER = 100  # characters
LONGEST_INTEGER = 18  # as a key


class BoundedLoader(yaml.SafeLoader):
    """Refuses values that are nested too deep, too many, or keys of a mapping that are not text or occur twice."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0
        self._sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next value, with all that is in it."""
        event = cast(Any, self).peek_event()
        self._depth += 1
        if self._depth > DEEPEST:
            raise ComposerError(None, None, f"more than {DEEPEST} nested values", event.start_mark)
        node: Any = super().compose_node(parent, index)
        self._depth -= 1
        if node not in self._sizes and isinstance(event, yaml.AliasEvent):
            raise ComposerError(None, None, "a value that holds itself", event.start_mark)
        if node not in self._sizes:
            self._sizes[node] = 1 + sum(self._sizes[part] for part in _parts(node))
        if node.tag.endswith((":int", ":float")) and len(node.value) > LONGEST_NUMBER:
            raise ComposerError(None, None, f"a number of more than {LONGEST_NUMBER} characters", event.start_mark)
        if self._sizes[node] > MOST_VALUES:
            raise ComposerError(None, None, f"more than {MOST_VALUES} values", event.start_mark)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key that is not text", key.start_mark)
            if key.value in seen:
                raise ConstructorError(None, None, f"found duplicate key {key.value}", key.start_mark)
            if key.tag.endswith(":int") and len(key.value) > LONGEST_INTEGER:  # whose hashes may all be equal
                raise ConstructorError(None, None, f"the key {key.value[:20]} is not text", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def not_yaml(error: Exception) -> str:
    """Return in one line why a file cannot be read, and what to do."""
    cause, remedy = " ".join(str(error).split()), ""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        line = error.problem_mark.line + 1
        begun = error.context_mark.line + 1 if error.context_mark else line
        context = f"{error.context}{f' from line {begun}' if begun < line else ''}: " if error.context else ""
        cause = f"line {line}: {context}{error.problem}"
    if isinstance(error, ScannerError | ParserError):
        remedy = '; write "flag: value" on each line, without spaces before it, and put values like this one in quotes'
    elif isinstance(error, UnicodeError):
        remedy = "; save it as UTF-8"
    return f"not readable as YAML ({cause}){remedy}"


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return what a value holds directly."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
