"""Published checkpoints on this machine: found, or downloaded and checked."""

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import filelock
import platformdirs

from utils.errors import PROGRAM, RunError, UserError
from utils.storage.files import whole_file
from utils.weights.download import Download, Progress, UnreachableError
from utils.weights.hub import at_endpoint
from utils.weights.pretrained import LibraryCheckpoint, Published

log = logging.getLogger(__name__)

MODELS = Path(__file__).parents[2] / "models"
CACHE_VARIABLE = "FEATMILL_WEIGHTS"
CHUNK_BYTES = 1 << 20


def cache_folder() -> Path:
    """Return the folder of downloaded checkpoints: FEATMILL_WEIGHTS, else featmill/weights in the platform's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_cache_path("featmill") / "weights"


def locate(
    published: Published | LibraryCheckpoint,
    path: str | None,
    weights_dir: str | None,
    progress: Progress | None = None,
) -> Path:
    """Return the path of a checkpoint: `path` if given, else in weights_dir, beside a model, cached, or downloaded.

    Beside a model: in models/*/checkpoints/, where instructions for other extractors have users put the files.

    path: of the user's own file; may be the prefix of a TensorFlow V2 checkpoint (PREFIX.index beside PREFIX.data-*).

    Raises:
        UserError: the file or the folder that the user gave does not exist, or the download is not available.
        RunError: the downloaded file is not the published one, or cannot be written.
    """
    if path is not None:
        own = Path(path).expanduser()
        if not exists(own):
            raise UserError(f"{own}: no such checkpoint (expected {published.name}; available at {published.source})")
        return own
    if weights_dir is not None:
        folder = Path(weights_dir).expanduser()
        if not folder.is_dir():
            raise UserError(f"--weights_dir {weights_dir}: no such folder")
        if exists(folder / published.name):
            return folder / published.name
    return _beside_models(published.name) or fetch(published, progress=progress)


def is_downloaded(published: Published, weights_dir: str | None = None) -> bool:
    """Return whether locate() finds the file without the network."""
    if weights_dir is not None and exists(Path(weights_dir).expanduser() / published.name):
        return True
    if _beside_models(published.name) is not None:
        return True
    return _is_complete(cache_folder() / published.name, published)


def fetch(
    published: Published | LibraryCheckpoint, folder: str | Path | None = None, progress: Progress | None = None
) -> Path:
    """Return the path of a published file in `folder`, downloaded if it is not there yet.

    An interrupted download resumes. The file gets its name only when it is complete and its checksum is right; of
    several processes that ask at once, one downloads and the others wait for it.

    folder: by default the cache; for a LibraryCheckpoint, the cache of its library.
    progress: called with the bytes done and the bytes in all (None if not known) while the download runs.

    Raises:
        UserError: the server cannot be reached, or does not send the file.
        RunError: the downloaded file is not the published one, or cannot be written.
    """
    if isinstance(published, LibraryCheckpoint):
        path = published.fetch()
        return path if folder is None else _copied(path, Path(folder).expanduser() / published.name)
    target = (Path(folder) if folder is not None else cache_folder()) / published.name
    if _is_complete(target, published):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target):
            if not _is_complete(target, published):
                _download(published, target, progress)
    except OSError as error:
        raise RunError(
            f"{target}: cannot be written ({error.strerror or error}); make room, or choose another folder "
            f"with the environment variable {CACHE_VARIABLE}"
        ) from error
    return target


def _copied(path: Path, target: Path) -> Path:
    """Copy a file to `target`, and return that."""
    with path.open("rb") as file, whole_file(target) as copy:
        shutil.copyfileobj(file, copy)
    return target


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a checkpoint in hexadecimal; of a TensorFlow prefix, that of its index and data files."""
    path = Path(path)
    files = [path]
    if not path.is_file():
        files = [Path(f"{path}.index"), *sorted(path.parent.glob(f"{_escaped(path.name)}.data-*-of-*"))]
    digest = hashlib.sha256()
    for file in files:
        _feed(file, digest)
    return digest.hexdigest()


def _beside_models(name: str) -> Path | None:
    found = (folder / name for folder in sorted(MODELS.glob("*/checkpoints")))
    return next(filter(exists, found), None)


def exists(path: Path) -> bool:
    """Return whether a checkpoint is there; `path` may be a TensorFlow prefix."""
    return path.is_file() or Path(f"{path}.index").is_file()


def _is_complete(path: Path, published: Published) -> bool:
    """Return whether the file is in place; its checksum was verified before it got its name."""
    return path.is_file() and published.size in (None, path.stat().st_size)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


@contextlib.contextmanager
def _lock(target: Path) -> Generator[None, None, None]:
    """Hold the lock of a download. Wait while another process has it; that one's end frees it."""
    lock = filelock.FileLock(f"{target}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        log.info("%s: waiting for another process that downloads it", target)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(published: Published, target: Path, progress: Progress | None) -> None:
    """Download the published file to `target`; the caller holds the lock."""
    checked = published.sha256 is not None or published.git_blob is not None
    download = Download(at_endpoint(published.url), Path(f"{target}.part"), progress, checked)
    try:
        download.run()
        wrong = _difference(download.part, published)
        if wrong and download.resumed:  # its beginning may be of another version of the file
            log.warning("%s: %s; downloading it from the beginning", published.name, wrong)
            download.discard()
            download.run()
            wrong = _difference(download.part, published)
    except UnreachableError as error:
        raise UserError(_offline(published, download.url, target, error)) from error
    if wrong:
        download.discard()
        raise RunError(
            f"{download.url} is not the published file {published.name}: {wrong}. The download was deleted. "
            "Try again; if that fails too, the file was changed, or something on the way replaces it: get it from "
            f"{published.source} and put it into the folder of --weights_dir"
        )
    download.finish(target)


def _difference(path: Path, published: Published) -> str | None:
    """Return how the file differs from the published one, as expected and found; None if it does not."""
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


def _offline(published: Published, url: str, target: Path, error: UnreachableError) -> str:
    return (
        f"{published.name} could not be downloaded from {url} ({error}). Without a network: put the file "
        f"into the folder of --weights_dir or at {target}; or run `{PROGRAM} weights fetch <feature_type>` on a "
        "connected machine and copy its weights folder; or test the installation with `--weights random`"
    )
