"""Files that appear complete or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO, TypeVar

from utils.errors import RunError

PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
TEMPORARY = ".featmill-"  # start of the name of an unfinished file
TRIES = 10  # to use a folder that other runs remove while it is empty

Made = TypeVar("Made")


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a temporary file beside `path` for writing, and put it in place once it is complete and on disk.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({cause_of(error)}); run the same command again to resume"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the error above is the one to report
            temporary.unlink()


def in_its_folder(path: Path, use: Callable[[], Made]) -> Made:
    """Return `use()`, which puts something at `path`; its folder is made where it is missing.

    Another run may remove the folder at any moment until something is in it.
    """
    for _ in range(TRIES):
        try:
            return use()
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):  # a folder above it was removed meanwhile
                path.parent.mkdir(parents=True, exist_ok=True)
    return use()


@contextlib.contextmanager
def created(path: Path) -> Generator[BinaryIO, None, None]:
    """Create a file for writing and reading, and its folder where it is missing; FileExistsError if it exists."""
    with in_its_folder(path, lambda: path.open("x+b")) as file:
        yield file


def check_writable(folder: Path) -> None:
    """Raise RunError if no file can be created in a folder, before any work is done for one. Creates nothing."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    cause = "" if existing.is_dir() else "is not a directory"
    if not cause and not os.access(existing, os.W_OK | os.X_OK):
        read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
        cause = "its file system is read-only" if read_only else "permission denied"
    if cause:
        raise RunError(f"{folder}: cannot be written ({existing}: {cause}); choose another --output_path")


def may_pass(error: Exception) -> bool:
    """Return whether reading failed, rather than found damage: the same bytes may be read well a moment later."""
    return isinstance(error, OSError) and error.errno in PASSING


def unhandled(error: OSError) -> RunError:
    """Return what ends the run for an error of the operating system that nothing closer to it handles."""
    where = f"{error.filename}: " if error.filename else ""
    return RunError(f"{where}{cause_of(error)}; run the same command again to resume")


def cause_of(error: OSError) -> str:
    """Return why a file could not be written, in a few words."""
    if error.errno == errno.ENOSPC:
        return "the disk is full: make room"
    return error.strerror or str(error)
