"""Who gets what from the server: nobody without the token, no other site, no file outside the user's folder."""

import http.client
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.features import save
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, run
from support.sources import s3_client, s3_server

from utils.explore.view.collection import Collection
from utils.explore.view.documents import Documents
from utils.explore.view.media import MediaFolder
from utils.explore.view.server import ASSETS, Server, wanted_range

VIDEOS = ("clip.mp4", "link.mp4", "../secret.mp4", "/etc/passwd", "notes.txt")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("view")
    videos = folder / "videos"
    videos.mkdir()
    write_clip(videos / "clip.mp4", moving_frames(30))
    (folder / "secret.mp4").write_bytes((videos / "clip.mp4").read_bytes())
    (videos / "link.mp4").symlink_to(folder / "secret.mp4")
    (videos / "notes.txt").write_text("plain")
    for i, path in enumerate(VIDEOS):
        save(folder / "out", f"v{i}", path)
    with Server(Documents(Collection(str(folder / "out")), MediaFolder(str(videos))), 0) as found:
        threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        found.shutdown()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Return the answer to a request for exactly this path, below the token unless it starts with a slash."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.putrequest(method, path if path.startswith("/") else f"/{server.token}/{path}", skip_host=True)
    for name, value in ({"Host": "127.0.0.1:1"} | headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply, content


def test_the_page_its_data_and_its_policy(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    for path in ("", *ASSETS):
        reply, content = ask(server, path)
        assert reply.status == 200 and content
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    reply, content = ask(server, "data/collection.json")
    assert json.loads(content)["videos"]["name"] == [f"v{i}" for i in range(len(VIDEOS))]
    assert ask(server, "", "HEAD")[1] == b""
    assert ask(server, "", "POST")[0].status == 501


@pytest.mark.parametrize("path", ["/", "/index.html", "/data/state.json", "/media/0/video", "/wrong/", "//"])
def test_nothing_without_the_token(server: Server, path: str) -> None:
    reply, content = ask(server, path)
    assert reply.status == 404 and content == b"Not Found"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:2"},
    ],
)
def test_no_other_site(server: Server, headers: dict[str, str]) -> None:
    assert ask(server, "data/collection.json", **headers)[0].status == 403
    assert ask(server, "data/collection.json", Host="localhost:9", Origin="http://localhost:9")[0].status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd", "..%2f..%2fetc/passwd", "page/index.html", "core.js/..", "data/../core.js",
        "%2e%2e/server.py", "data/collection", "data/video-99.json", "data/video--1.json", "data/map-0-9.json",
        "data/near-0-9-0.json", "data/get-1.json", "data/__init__.json",
        "media/99/video", "media/0/flow-0-0.png", "media/0/../0/video",
        "data/video-0.json/", "data/sound-0.json%00",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: Server, path: str) -> None:
    assert ask(server, path.encode().decode("latin-1"))[0].status in (400, 404)


def test_only_videos_in_the_users_folder(server: Server, tmp_path: Path) -> None:
    reply, content = ask(server, "media/0/video")
    assert reply.status == 200 and reply.headers["Content-Type"] == "video/mp4" and content[4:8] == b"ftyp"
    reply, part = ask(server, "media/0/video", Range="bytes=4-7")
    assert (reply.status, part, reply.headers["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{len(content)}")
    assert ask(server, "media/0/video", Range=f"bytes={len(content)}-")[0].status == 416
    assert ask(server, "media/0/0.jpg")[1][:2] == b"\xff\xd8"
    assert ask(server, "media/0/99999999.jpg")[0].status == 204  # no picture there, which is no error
    for number in (1, 2, 3):  # a link out of the folder, a way out of it, an absolute path
        assert ask(server, f"media/{number}/video")[0].status == 404
        assert ask(server, f"media/{number}/0.jpg")[0].status == 404
    headers = ask(server, "media/4/video")[0].headers
    assert (headers["X-Content-Type-Options"], headers["Content-Type"]) == ("nosniff", "application/octet-stream")
    line = Collection(str(save(tmp_path, "a", "/etc/passwd"))).folders[0].line("a")
    assert line is not None and MediaFolder(None).find(line.source) is None


def test_shards_and_videos_in_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte of a member of a tar reaches the browser as it is; what save_shards wrote is read back."""
    with tarfile.open(tmp_path / "shard-0.tar", "w") as tar:
        for name, n in {"long.mp4": 120, "short.mp4": 5}.items():
            write_clip(tmp_path / name, np.random.default_rng(n).integers(0, 256, (n, 48, 64, 3), np.uint8))
            tar.add(tmp_path / name, name)
    with s3_server() as environment:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        client = s3_client(environment)
        client.upload_file(str(tmp_path / "shard-0.tar"), "bucket", "videos/shard-0.tar")
        done = run(
            "--feature_type", "tiny", "--device", "cpu", "--tar_path", tmp_path / "shard-0.tar",
            "--on_extraction", "save_shards", "--output_path", tmp_path / "out", program=TINY_PROGRAM,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        manifest = tmp_path / "out/tiny/manifest.jsonl"
        manifest.write_text(manifest.read_text().replace(f"{tmp_path}/shard", "s3://bucket/videos/shard"))
        for path in filter(Path.is_file, (tmp_path / "out").rglob("*")):
            client.upload_file(str(path), "bucket", str(path.relative_to(tmp_path)))
        found = Documents(Collection("s3://bucket/out"), MediaFolder("s3://bucket/videos"))
        with Server(found, 0) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            assert len((found.get("map-0-0") or {})["x"]) == 2
            for number in (found.get("collection") or {})["videos"]["number"]:
                name = (found.get(f"video-{number}") or {})["name"].removeprefix("shard-0/") + ".mp4"
                (key,) = (found.get(f"video-{number}") or {})["keys"]
                assert key["rows"] == 1 and ask(server, f"media/{number}/0.jpg")[1][:2] == b"\xff\xd8"
                whole, n = (tmp_path / name).read_bytes(), (tmp_path / name).stat().st_size
                assert ask(server, f"media/{number}/video")[1] == whole
                for part in (slice(0, 1), slice(n // 2, n // 2 + 70_000), slice(n - 1, n), slice(0, n)):
                    reply, content = ask(server, f"media/{number}/video", Range=f"bytes={part.start}-{part.stop - 1}")
                    assert reply.status == 206 and content == whole[part]
                assert ask(server, f"media/{number}/video", Range="bytes=-17")[1] == whole[-17:]
            server.shutdown()


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, (0, 10)), ("bytes=0-", (0, 10)), ("bytes=2-3", (2, 4)), ("bytes=-4", (6, 10)), ("bytes=-99", (0, 10)),
        ("bytes=5-99", (5, 10)), ("bytes=10-", None), ("bytes=-0", None), ("bytes=5-4", None), ("bytes=-", None),
        ("bytes=0-1,4-5", None), ("lines=1-2", None), ("bytes=x-", None),
    ],
)  # fmt: skip
def test_ranges(header: str | None, part: tuple[int, int] | None) -> None:
    assert wanted_range(header, 10) == part
