"""Why FFmpeg refuses a file, in a few words, and what to do."""

HEAD_BYTES = 512  # of a file, enough to say what it is
PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"file ", b"[playlist]", b"<SmoothStreamingMedia")
PICTURE_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"qoif", "QOI"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"P6\n", "PPM"),
    (b"P5\n", "PGM"),
)
TO_JOIN = "Segments are joined by: ffmpeg -i PLAYLIST -c copy film.mp4"
IF_ENCRYPTED = "If it is an encrypted segment of a playlist (HLS), decrypt it first."
NOT_A_LIST = "Check what was saved under this name; a list of videos is given by --file_with_video_paths."
ANIMATED = 0x02  # bit of the flags in a WebP's VP8X chunk


def cause_of_refusal(head: bytes, reason: str, name: str = "") -> str:
    """Return why FFmpeg refused a file that starts with `head`, and what to do. reason: in its own words."""
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"free", b"wide"):
        return "its index (moov box) is missing or damaged: cut off, or never finished. Get the whole file again."
    if head[4:8] in (b"styp", b"sidx", b"moof"):
        return f"it is one segment of a film, without its header. {TO_JOIN}"
    if head.startswith(b"NIST_1A"):
        return f"a NIST SPHERE file of a kind that FFmpeg cannot read ({reason}). Convert it to WAV with SoX."
    unknown = f"not a known video or audio format ({reason}). Get the file again, or convert it."
    return other_content(head) or (f"{unknown} {IF_ENCRYPTED}" if name.lower().endswith(".ts") else unknown)


def other_content(head: bytes) -> str:
    """Return what a file that starts with `head` is instead of media, and what to do; "" if that is unknown."""
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(PLAYLIST_MARKS) or b"<MPD" in head:
        return f"it is a playlist, which names other files. Give those files instead. {TO_JOIN}"
    if picture := _picture(head):
        return f"it is {picture}"
    return f"it is a text file. {NOT_A_LIST}" if _is_text(head) else ""


def _picture(head: bytes) -> str:
    """Return which kind of picture starts with `head`, and what to do; "" for none."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if head[12:16] == b"VP8X" and len(head) > 20 and head[20] & ANIMATED:
            return "an animated WebP picture, which FFmpeg cannot read. Convert it to a video or an animated GIF."
        kind = "WebP"
    else:
        kind = next((name for mark, name in PICTURE_MARKS if head.startswith(mark)), "")
    return f"a picture ({kind}), not a video. Numbered pictures in a folder are one: give the folder." if kind else ""


def _is_text(head: bytes) -> bool:
    """Return whether these bytes are text; a multi-byte character may be cut off at the end."""
    text = head.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c in "\r\n\t" for c in text)
