"""How reading fails, whatever is read from."""

import sys
import zlib

ELSEWHERE = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("pyarrow", "ArrowException"),
    ("datasets.exceptions", "DatasetsError"),
)


def read_errors() -> tuple[type[Exception], ...]:
    """Return what reading may raise: the standard library's errors, and those of the libraries that are in use.

    Not every Exception: a signal's handler raises one of the program's own, which must not end here.
    """
    found = ((sys.modules.get(module), name) for module, name in ELSEWHERE)
    others = tuple(getattr(module, name) for module, name in found if module is not None and hasattr(module, name))
    return (OSError, EOFError, ValueError, RuntimeError, zlib.error, *others)
