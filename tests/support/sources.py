"""Shards and their videos, and servers to read them from: HTTP with and without ranges of files, S3 by moto."""

import contextlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Generator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, cast
from urllib.request import Request, urlopen

from utils.config.run import RunConfig
from utils.media.input import OpenableMedia
from utils.sources.inputs import collect, never
from utils.sources.ref import Refusal, VideoRef

TarMode = Literal["w", "w:gz", "w:bz2", "w:xz"]
CLIPS = {"a.mp4": b"A" * 700, "sub/b.MP4": b"B" * 1500, "c.d.mkv": b"C" * 3}


def tar_bytes(members: Mapping[str, bytes] | list[tuple[str | tarfile.TarInfo, bytes]], mode: TarMode = "w") -> bytes:
    """Return a tar of members in this order; a TarInfo is a member that is not a plain file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, data in members.items() if isinstance(members, Mapping) else members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def write_shard(path: Path, members: Any, metadata: Any = None) -> Path:
    """Write a tar, and its metadata beside it; return the tar's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_bytes(members))
    if metadata is not None:
        path.with_suffix(".json").write_text(json.dumps(metadata))
    return path


def shard_refs(
    tar_path: Path | str | list[Path], shard_done: Callable[[str], bool] = never, **settings: Any
) -> list[VideoRef]:
    """Return the videos of --tar_path with these entries."""
    paths = [str(path) for path in (tar_path if isinstance(tar_path, list) else [tar_path])]
    return list(collect(RunConfig(tar_path=paths, **settings)).refs(shard_done))


def written_refs(folder: Path, data: bytes, metadata: Any = None) -> list[VideoRef]:
    """Write a tar of these bytes as shard-000, and metadata beside it; return its videos."""
    path = folder / "shard-000.tar"
    path.write_bytes(data)
    if metadata is not None:
        path.with_suffix(".json").write_text(json.dumps(metadata))
    return shard_refs(path)


def good(refs: list[VideoRef]) -> list[VideoRef]:
    """Return the videos that can be extracted."""
    return [ref for ref in refs if ref.refused is None]


def reasons(refs: list[VideoRef]) -> list[tuple[str, str]]:
    """Return (status, reason) of the others."""
    return [ref.refused for ref in refs if ref.refused is not None]


def refusal(ref: VideoRef) -> Refusal:
    """Return why a video is refused, which it must be."""
    assert ref.refused is not None
    return ref.refused


def content(ref: VideoRef) -> bytes:
    """Return the bytes of a video."""
    with cast(OpenableMedia, ref.media).open() as file:
        return file.read()


class Plain(SimpleHTTPRequestHandler):
    """Complete files only."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Ranges(Plain):
    """Also ranges of files."""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            super().do_GET()
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        size = path.stat().st_size
        start, end = int(first), min(int(last or size - 1), size - 1)
        if start >= size:
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            self.wfile.write(file.read(end - start + 1))


def http_server(folder: Path, *, ranges: bool = True) -> contextlib.AbstractContextManager[str]:
    """Serve a folder on this machine while the block runs; yield its address without a slash at the end."""
    return serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges if ranges else Plain, directory=str(folder))))


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Generator[str, None, None]:
    """Run a server while the block runs; yield its address without a slash at the end."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def s3_server() -> Generator[dict[str, str], None, None]:
    """Run an S3 server with a bucket "bucket" while the block runs; yield the environment that programs need for it."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    S3FileSystem.clear_instance_cache()  # whose address is that of the last server
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        reset = Request(f"{environment['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
        urlopen(reset).close()  # all servers of a process share their buckets
        s3_client(environment).create_bucket(Bucket="bucket")
        yield environment
    finally:
        server.stop()


def s3_client(environment: Mapping[str, str]) -> Any:
    """Return a client of the server, to put files there."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
