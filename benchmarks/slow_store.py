"""A store that speaks enough of S3 for an output folder, and takes a while for each answer.

    python -m benchmarks.slow_store --latency_s 0.03 --port 9000

It is a process of its own, so that it does not share the interpreter of what is measured. GET /requests returns how
many requests of each kind have come, and forgets them.
"""

import argparse
import asyncio
import bisect
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aiohttp import web

PER_PAGE = 1000  # keys in an answer, as S3 has them
STATE = '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag><StorageClass>STANDARD</StorageClass>'


class SlowStore:
    """Objects in memory, of one bucket called "bucket"."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._objects: dict[str, bytes] = {}
        self._keys: list[str] = []  # sorted
        self._requests: Counter[str] = Counter()

    def app(self) -> web.Application:
        """Return the server."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/requests", self._tell)
        app.router.add_route("*", "/bucket{_:/?}{key:.*}", self._answer)
        return app

    async def _tell(self, _request: web.Request) -> web.Response:
        requests, self._requests = self._requests, Counter()
        return web.json_response(requests)

    async def _answer(self, request: web.Request) -> web.Response:
        body, key = await request.read(), request.match_info["key"]
        await asyncio.sleep(self._latency_s)
        kind = request.method if key else {"GET": "LIST"}.get(request.method, f"{request.method} of the bucket")
        self._requests[kind] += 1
        match kind:
            case "PUT":
                return self._put(key, body, request.headers.get("If-None-Match") == "*")
            case "GET" | "HEAD":
                return self._get(key, request)
            case "DELETE":
                self._remove(key)
                return web.Response(status=204)
            case "POST of the bucket":
                for found in re.findall(r"<Key>(.*?)</Key>", body.decode()):
                    self._remove(unquote(found))
                return _xml("<DeleteResult/>")
            case "LIST":
                return self._list(request.query)
            case _:
                return web.Response()

    def _put(self, key: str, body: bytes, is_new: bool) -> web.Response:
        if is_new and key in self._objects:
            return _xml("<Error><Code>PreconditionFailed</Code></Error>", 412)
        if key not in self._objects:
            bisect.insort(self._keys, key)
        self._objects[key] = body
        return web.Response(headers={"ETag": _etag(body)})

    def _remove(self, key: str) -> None:
        if self._objects.pop(key, None) is not None:
            del self._keys[bisect.bisect_left(self._keys, key)]

    def _get(self, key: str, request: web.Request) -> web.Response:
        if key not in self._objects:
            return (
                web.Response(status=404)
                if request.method == "HEAD"
                else _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
            )
        body = self._objects[key]
        headers = {"ETag": _etag(body), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(body))})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if asked is None:
            return web.Response(body=body, headers=headers)
        start, end = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1) + 1
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        return web.Response(status=206, body=body[start:end], headers=headers)

    def _list(self, query: Mapping[str, str]) -> web.Response:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        names = list(self._names(prefix, delimiter, query.get("continuation-token", "")))
        page, left = names[:PER_PAGE], names[PER_PAGE:]
        parts = [f"<IsTruncated>{str(bool(left)).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>"]
        if left:
            parts.append(f"<NextContinuationToken>{escape(left[0])}</NextContinuationToken>")
        for name in page:
            if delimiter and name.endswith(delimiter):
                parts.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
            else:
                size = f"<Size>{len(self._objects[name])}</Size>"
                parts.append(f"<Contents><Key>{escape(name)}</Key>{size}{STATE}</Contents>")
        return _xml(f"<ListBucketResult>{''.join(parts)}</ListBucketResult>")

    def _names(self, prefix: str, delimiter: str, start: str) -> Iterator[str]:
        """Yield the keys with a prefix from `start` on, those in folders as the folder; one more than a page."""
        i, n = bisect.bisect_left(self._keys, max(prefix, start)), 0
        while n <= PER_PAGE and i < len(self._keys) and self._keys[i].startswith(prefix):
            name, found, _ = self._keys[i].removeprefix(prefix).partition(delimiter or "\0")
            yield f"{prefix}{name}{found}"
            i = bisect.bisect_left(self._keys, f"{prefix}{name}{found}\U0010ffff", i) if found else i + 1
            n += 1


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/xml")


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def main(arguments: list[str]) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency_s", type=float, default=0.03, help="of each answer (default: 0.03)")
    parser.add_argument("--port", type=int, default=9000, help="(default: 9000)")
    options = parser.parse_args(arguments)
    web.run_app(SlowStore(options.latency_s).app(), host="127.0.0.1", port=options.port, print=None, access_log=None)


if __name__ == "__main__":
    main(sys.argv[1:])
