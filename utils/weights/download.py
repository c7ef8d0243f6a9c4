"""Download one file: resumed after an interruption, retried after passing network errors."""

import http.client
import json
import logging
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from utils.storage.json_text import parse_json

log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]  # bytes done, bytes in all (None where the server does not say)

CHUNK_BYTES = 256 * 1024
TIMEOUT_S = 20.0  # to connect, and between two reads
BACKOFF_S = (0.5, 1.0, 2.0)  # before each retry; an attempt that gets new bytes resets the count
TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
AGENT = "featmill"  # some hosts refuse that of the standard library


class UnreachableError(Exception):
    """The server cannot be reached or does not send the file; the text says why."""


class _TransientError(Exception):
    """A failure that may pass: worth a retry."""


class Download:
    """The download of one URL into a partial file.

    The partial file stays when the download is interrupted. Beside it, `<part>.json` has the address and the server's
    validator, so that the rest comes from the same version of the file (HTTP If-Range). Where the server gives no
    validator, the download resumes only if the caller checks the complete file (`checked`).

    resumed: whether the file was assembled from the answers to several requests.
    """

    def __init__(self, url: str, part: Path, progress: Progress | None = None, checked: bool = False) -> None:
        self.url = url
        self.part = part
        self.note = Path(f"{part}.json")
        self.progress = progress or (lambda done, total: None)
        self.checked = checked
        self.resumed = False

    def run(self) -> None:
        """Complete the partial file, and flush it to disk.

        Raises:
            UnreachableError: the server refuses, or several attempts in a row got no new bytes.
            OSError: the file cannot be written.
        """
        failures, furthest = 0, self._n_bytes()
        while True:
            try:
                self._attempt()
                return
            except _TransientError as error:
                if self._n_bytes() > furthest:
                    failures, furthest = 0, self._n_bytes()
                if failures == len(BACKOFF_S):
                    raise UnreachableError(str(error)) from error
                log.info("%s: %s; retrying", self.url, error)
                time.sleep(BACKOFF_S[failures])
                failures += 1

    def discard(self) -> None:
        """Delete the partial file and its note."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.resumed = False

    def finish(self, target: Path) -> None:
        """Give the complete file its name, atomically and durably."""
        self.part.replace(target)
        self.note.unlink(missing_ok=True)
        if os.name == "posix":
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _attempt(self) -> None:
        known, validator = self._read_note()
        if not known or not (validator or self.checked):
            self.discard()
        response = self._open(self._n_bytes(), validator)
        if response is None:
            return
        with response:
            offset = _offset(response)  # 0 where the server ignores Range, or has a new version
            if offset not in (0, self._n_bytes()):
                self.discard()
                raise _TransientError("the server sent a wrong part of the file")
            total = _total(response)
            self._write_note(response)
            done = self._copy(response, offset, total)
        if total is not None and done != total:
            raise _TransientError(f"the connection ended after {done} of {total} bytes")

    def _n_bytes(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _open(self, offset: int, validator: str | None) -> Any:
        """Request the bytes from `offset` on; return None if the partial file is complete already."""
        request = urllib.request.Request(self.url, headers={"User-Agent": AGENT})
        if offset:
            request.add_header("Range", f"bytes={offset}-")
            if validator:
                request.add_header("If-Range", validator)
        try:
            return _OPENER.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error, offset)
        except urllib.error.URLError as error:
            if urlsplit(self.url).scheme == "file":
                raise UnreachableError(str(error.reason)) from error
            raise _TransientError(str(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise _TransientError(str(error) or type(error).__name__) from error

    def _refused(self, error: urllib.error.HTTPError, offset: int) -> None:
        """Return if the partial file is complete; else raise what the answer means."""
        if error.code == 416 and offset:
            if error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                self.resumed = True
                return
            self.discard()
            raise _TransientError("the file on the server is shorter than the partial file") from error
        failure = _TransientError if error.code in TRANSIENT_STATUS else UnreachableError
        raise failure(f"the server answers {error.code} {error.reason}") from error

    def _copy(self, response: Any, offset: int, total: int | None) -> int:
        """Write the body to the partial file from `offset` on; return the size of the file in bytes."""
        done = reported = offset
        self.resumed = offset > 0
        self.progress(done, total)
        with self.part.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            while chunk := _read(response):
                file.write(chunk)
                done += len(chunk)
                if done - reported >= CHUNK_BYTES:
                    self.progress(done, total)
                    reported = done
            file.flush()
            os.fsync(file.fileno())
        if reported != done:
            self.progress(done, total)
        return done

    def _write_note(self, response: Any) -> None:
        """Save the strong ETag or the date, which are what If-Range takes (RFC 9110, 13.1.5)."""
        etag = response.headers.get("ETag", "")
        validator = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        self.note.write_text(json.dumps({"url": self.url, "validator": validator}))

    def _read_note(self) -> tuple[bool, str | None]:
        """Return whether the partial file is of this URL, and the server's validator."""
        try:
            note = parse_json(self.note.read_text())
        except (FileNotFoundError, ValueError):
            return False, None
        if not isinstance(note, dict) or note.get("url") != self.url:
            return False, None
        return True, note.get("validator")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, except from https to an address that is not encrypted."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise UnreachableError(f"the server redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_SafeRedirects)


def _read(response: Any) -> bytes:
    try:
        return response.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _TransientError(str(error) or type(error).__name__) from error


def _offset(response: Any) -> int:
    """Return where in the file the body begins, in bytes; -1 if a partial answer does not say."""
    if response.status != 206:
        return 0
    span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(span[1]) if span else -1


def _total(response: Any) -> int | None:
    """Return the size of the complete file in bytes; None if the server does not say."""
    if response.status == 206:
        span = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", "").strip())
        return int(span[1]) if span else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None
