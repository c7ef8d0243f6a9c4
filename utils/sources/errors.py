"""The errors of reading, from any source."""

import sys
import zlib

from utils.storage.urls import redacted

OF_LIBRARIES = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("pyarrow", "ArrowException"),
    ("datasets.exceptions", "DatasetsError"),
)


def read_errors() -> tuple[type[Exception], ...]:
    """Return the errors that reading may raise: the standard library's, and those of the libraries in use.

    Not Exception: the program's signal handler raises one, which must pass.
    """
    found = ((sys.modules.get(module), name) for module, name in OF_LIBRARIES)
    others = tuple(getattr(module, name) for module, name in found if module is not None and hasattr(module, name))
    return (OSError, EOFError, ValueError, RuntimeError, zlib.error, *others)


def message_of(error: BaseException) -> str:
    """Return an error's message on one line, without credentials, at most 300 characters."""
    return redacted(" ".join(str(error).split()))[:300] or type(error).__name__
