"""Docstrings as the reference shows them: a paragraph per argument, names in type of code."""

import re
from typing import Any

from griffe import Extension, Object

ARGUMENTS = re.compile(r"(?:\n|(?<=\.) )([a-z]\w*(?:, \w+)*)(?=: )")
RAISES = re.compile(r"\nRaises:\n +(.*)", re.DOTALL)
ERROR = re.compile(r"\b(\w+Error)(?=: )")


class Paragraphs(Extension):
    """Marks up the lines that describe arguments and errors."""

    def on_object(self, *, obj: Object, **_: Any) -> None:  # noqa: D102 - griffe's own hook
        if obj.docstring is not None:
            text = ARGUMENTS.sub(lambda names: f"\n\n`{names[1].replace(', ', '`, `')}`", obj.docstring.value)
            obj.docstring.value = RAISES.sub(lambda errors: "\nRaises " + ERROR.sub(r"`\1`", errors[1]), text)
