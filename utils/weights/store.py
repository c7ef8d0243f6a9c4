"""Published checkpoints: where they are, how they are checked, and where they lie on this machine."""

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import filelock
import platformdirs

from utils.errors import RunError, UserError
from utils.storage.files import whole_file
from utils.weights.download import Download, Report, UnreachableError
from utils.weights.pretrained import LibraryCheckpoint, Published

log = logging.getLogger(__name__)

CACHE_VARIABLE = "FEATMILL_WEIGHTS"
CHUNK_BYTES = 1 << 20


def cache_folder() -> Path:
    """Folder of the downloaded weights: FEATMILL_WEIGHTS, else featmill/weights in the platform's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_cache_path("featmill") / "weights"


def locate(
    published: Published | LibraryCheckpoint, named: str | None, weights_dir: str | None, report: Report | None = None
) -> Path:
    """Path of a checkpoint: a flag's own file, else the one in weights_dir, in the cache, or downloaded.

    A named path may be the prefix of a TensorFlow V2 checkpoint (PREFIX.index beside PREFIX.data-*).

    Raises:
        UserError: the named file or the folder does not exist, or the download is out of reach.
        RunError: the download is not the published file, or cannot be written.
    """
    if named is not None:
        path = Path(named).expanduser()
        if not _exists(path):
            raise UserError(f"{path}: no such checkpoint (the place of {published.name}, {published.source})")
        return path
    if weights_dir is not None:
        folder = Path(weights_dir).expanduser()
        if not folder.is_dir():
            raise UserError(f"--weights_dir {weights_dir}: no such folder")
        if _exists(folder / published.name):
            return folder / published.name
    if isinstance(published, LibraryCheckpoint):
        return published.bring()
    return fetch(published, report=report)


def is_downloaded(published: Published, weights_dir: str | None = None) -> bool:
    """Whether locate() finds the file in weights_dir or in the cache, without the network."""
    if weights_dir is not None and _exists(Path(weights_dir).expanduser() / published.name):
        return True
    return _is_whole(cache_folder() / published.name, published)


def fetch(published: Published, folder: str | Path | None = None, report: Report | None = None) -> Path:
    """Path of the published file in `folder` (default: the cache), downloaded if it is not there yet.

    A download that was cut is taken up where it stopped. The file gets its name only when it is whole and its
    checksum is right; of several processes that ask at once, one downloads and the others wait for it.
    report(bytes_done, bytes_total or None) is called as the download goes on.

    Raises:
        UserError: the server cannot be reached, or does not give the file.
        RunError: what arrived is not the published file, or it cannot be written.
    """
    target = (Path(folder) if folder is not None else cache_folder()) / published.name
    if _is_whole(target, published):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target):
            if not _is_whole(target, published):
                _download(published, target, report)
    except OSError as error:
        raise RunError(
            f"{target}: cannot be written ({error.strerror or error}); make room, or choose another folder "
            f"with the environment variable {CACHE_VARIABLE}"
        ) from error
    return target


def bring(published: Published | LibraryCheckpoint, folder: str | None = None, report: Report | None = None) -> Path:
    """Path of a checkpoint in `folder` (default: the cache of whoever downloads it), downloaded if need be.

    Raises:
        UserError, RunError: as fetch.
    """
    if isinstance(published, Published):
        return fetch(published, folder, report)
    path = published.bring()
    if folder is None:
        return path
    target = Path(folder).expanduser() / published.name
    with path.open("rb") as file, whole_file(target) as copy:
        shutil.copyfileobj(file, copy)
    return target


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a checkpoint in hexadecimal; of a TensorFlow prefix: of its index and data, in order."""
    path = Path(path)
    files = [path]
    if not path.is_file():
        files = [Path(f"{path}.index"), *sorted(path.parent.glob(f"{_escaped(path.name)}.data-*-of-*"))]
    digest = hashlib.sha256()
    for file in files:
        _feed(file, digest)
    return digest.hexdigest()


def _exists(path: Path) -> bool:
    return path.is_file() or Path(f"{path}.index").is_file()


def _is_whole(path: Path, published: Published) -> bool:
    """Whether the file is in place; its checksum was verified before it got its name."""
    return path.is_file() and published.size in (None, path.stat().st_size)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


@contextlib.contextmanager
def _lock(target: Path) -> Generator[None, None, None]:
    """Hold the lock of a download; while another process has it, wait until that one ends or dies."""
    lock = filelock.FileLock(f"{target}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        log.info("%s: another process downloads it, waiting", target)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(published: Published, target: Path, report: Report | None) -> None:
    """Bring the published file to `target`; the caller holds the lock."""
    checked = published.sha256 is not None or published.git_blob is not None
    download = Download(published.url, Path(f"{target}.part"), report, checked)
    try:
        download.run()
        wrong = _difference(download.part, published)
        if wrong and download.joined:  # the beginning may come from another version of the file
            log.warning("%s: %s; downloading it from the beginning", published.name, wrong)
            download.discard()
            download.run()
            wrong = _difference(download.part, published)
    except UnreachableError as error:
        raise UserError(_offline(published, target, error)) from error
    if wrong:
        download.discard()
        raise RunError(
            f"{published.url} does not give the published file {published.name}: {wrong}. The download was "
            "deleted. Try again; if it stays so, the file was changed or something on the way replaces it: "
            f"get it from {published.source} and put it in the folder of --weights_dir"
        )
    download.finish(target)


def _difference(path: Path, published: Published) -> str | None:
    """What tells the file from the published one, with the expected and the found; None if nothing does."""
    size = path.stat().st_size
    if published.size not in (None, size):
        return f"expected {published.size} bytes, found {size}"
    checks = (
        ("SHA-256", published.sha256, hashlib.sha256()),
        ("git blob SHA-1", published.git_blob, hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)),
    )
    for what, expected, digest in checks:
        if expected is None:
            continue
        _feed(path, digest)
        if not digest.hexdigest().startswith(expected):
            return f"expected {what} {expected}, found {digest.hexdigest()}"
    return None


def _feed(path: Path, digest: "hashlib._Hash") -> None:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)


def _offline(published: Published, target: Path, error: UnreachableError) -> str:
    return (
        f"{published.name} could not be downloaded from {published.url} ({error}). Without a network: put "
        f"the file in the folder of --weights_dir or at {target}; or run `python main.py weights fetch "
        "<feature_type>` on a connected machine and copy its folder of weights; or try the set-up without "
        "real weights with `--weights random`"
    )
