"""Addresses that fsspec opens (s3://, gs://, https://, hf://, memory://, …), and what may be shown of them."""

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from utils.errors import UserError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
SECRET = re.compile(r"(?i)(token|sig|signature|key|credential|secret|password|passwd|pwd|auth|expires|policy)")
IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+")
SILENCE_S = 60.0  # of a web server, before its answer counts as broken off
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"}


def is_url(path: str) -> bool:
    """Return whether `path` is an address ("s3://bucket/a.mp4") and not a local path."""
    return URL.match(path) is not None


def scheme(url: str) -> str:
    """Return "s3" of "s3://bucket/a.mp4"."""
    return url.split("://", 1)[0].lower()


def base_name(path: str) -> str:
    """Return the last part of a path or an address, without query and fragment."""
    if is_url(path):
        return path.partition("#")[0].partition("?")[0].rstrip("/").rsplit("/", 1)[-1]
    return PurePosixPath(path.replace("\\", "/")).name


def redacted(text: str) -> str:
    """Return `text` without the user names, passwords and signed query values of the addresses in it.

    Other query values stay, since they may distinguish one video from another.
    """
    return IN_TEXT.sub(lambda found: _redacted_url(found.group()), text)


def _redacted_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as brackets without an IPv6 address
        return f"{scheme(url)}://…"
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_redacted_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{f'?{query}' if query else ''}"


def _redacted_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}=…" if equals and SECRET.search(name) else pair


def resolve(url: str, **options: Any) -> tuple["AbstractFileSystem", str]:
    """Return the file system of an address, and the path in it. Its options are fsspec's.

    A web server that falls silent raises an error, as a broken connection does; a long download may take its time.

    Raises:
        UserError: no installed package opens such addresses, or the address is malformed.
    """
    from fsspec.core import url_to_fs

    if scheme(url) in ("http", "https"):
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
        options.setdefault("client_kwargs", {"timeout": timeout})
    try:
        return url_to_fs(url, **options)
    except ImportError as error:
        package = PACKAGES.get(scheme(url), f"the fsspec package for {scheme(url)}://")
        raise UserError(f"{redacted(url)}: needs {package}; install it (pip install {package})") from error
    except ValueError as error:
        raise UserError(f"{redacted(url)}: not an address that can be opened ({redacted(str(error))})") from error


def open_binary(filesystem: "AbstractFileSystem", path: str, **options: Any) -> BinaryIO:
    """Return a stream of the bytes of a file. Its options are fsspec's."""
    return cast(BinaryIO, filesystem.open(path, "rb", **options))  # fsspec's annotation also has text streams
