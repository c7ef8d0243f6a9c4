"""Docstrings as the reference shows them: a paragraph per argument."""

import re
from typing import Any

from griffe import Extension, Object

ARGUMENT = re.compile(r"\n(?=\w+(?:, \w+)*: )")


class Paragraphs(Extension):
    """Puts an empty line before each line that describes an argument."""

    def on_object(self, *, obj: Object, **_: Any) -> None:  # noqa: D102
        if obj.docstring is not None:
            obj.docstring.value = ARGUMENT.sub("\n\n", obj.docstring.value)
