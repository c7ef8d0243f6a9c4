"""The page in a real browser. Needs Playwright and Chromium; elsewhere these tests are skipped."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.features import fail, save
from support.media import moving_frames, write_clip
from support.program import ROOT, run, start

from utils.sinks.top_classes import TopClasses
from utils.sources.fingerprint import Fingerprint
from utils.storage.folder import LocalFolder

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
HOSTILE = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>"
PIXEL = """(canvas, [x, y]) => {
    return [...canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data];
}"""
INK = """(canvas, x) => {
    const { data } = canvas.getContext("2d").getImageData(x * canvas.width, 0, 1, canvas.height);
    return data.reduce((n, value, i) => n + (i % 4 === 3 && value > 0), 0) > 4;  // more than the line at zero
}"""
POINT = """(canvas) => {
    const { width, height } = canvas, data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const at = data.findIndex((value, i) => i % 4 === 3 && value > 200) >> 2;
    return [at % width * canvas.clientWidth / width, Math.floor(at / width) * canvas.clientHeight / height + 3];
}"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of the sample clips with known values: windows at 0-1, 2-3 and 4-5 s, flow to the right, a failure.

    Those of camera_pan, at 30 frames per second, are single frames at 0, 2 and 4 s.
    """
    folder = tmp_path_factory.mktemp("view")
    rng = np.random.default_rng(0)
    for name in ("bouncing_shapes", "camera_pan", HOSTILE):
        flow = np.zeros((3, 2, 24, 32), np.float32)
        flow[:, 0] = 5
        length_s = 0 if name == "camera_pan" else 1
        times = {"start_s": np.array([0.0, 2, 4]), "end_s": np.array([0.0, 2, 4]) + length_s}
        rows = rng.normal(size=(3, 8)).astype(np.float32)
        top = TopClasses()
        for row, share in enumerate((0.9, 0.1, 0.5)):
            top.add(
                row,
                (2.0 * row, 2.0 * row + length_s),
                "rgb",
                [(f"dancing {HOSTILE}", share, 2.0), ("a dog", 0.05, 0.0)],
            )
        file = top.write(LocalFolder(folder / "out/i3d"), name)
        about = {"rate_hz": 16000, "top_classes": file, "fps": 25.0 if length_s else 30.0}
        save(folder / "out", name, f"sample/{name}.mp4", {"rgb": rows, "flow": flow, **times}, **about)
        later = TopClasses()
        later.add(2, (4.0, 5.0), "rgb", [("a cat", 0.8, 2.0)])
        for row in range(2):
            later.add(row, (2.0 * row, 2.0 * row + 1), "rgb", [("singing", 0.2 + row / 2, 1.0)])
        file = later.write(LocalFolder(folder / "other/i3d"), name)
        save(folder / "other", name, f"sample/{name}.mp4", {"rgb": -rows, **times}, top_classes=file)
    fail(folder / "out", "broken", "videos/clip.mp4: cannot be opened as media. Download it again.")
    return folder


@pytest.fixture(scope="module")
def address(outputs: Path) -> Iterator[str]:
    process = start("view", outputs / "out", "--videos", ROOT / "sample", "--with", outputs / "other", "--no_browser")
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0 and process.stderr is not None and process.stderr.read() == ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that may write no error to the console, and ask no other host for anything."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert not errors
    assert asked and all(url.startswith(("http://127.0.0.1:", "file://", "blob:")) for url in asked)
    assert page.evaluate("window.hacked") is None
    context.close()


def wait_until(page: Any, expression: str) -> None:
    """Wait for an expression to be true; Playwright's own way evaluates text, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(expression)


def check_accessibility(page: Any, preload: bool = True) -> None:
    """preload: let axe read the style sheets once more, which pages on disk may not."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    results = axe.Axe().run(page, options={"preload": preload})
    assert results.violations_count == 0, results.generate_report()


def test_a_collection(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".map canvas")
    text = page.inner_text("main")
    for expected in (
        "4 videos",
        "3 done, 1 failed",
        "9 windows",
        "Download it again.",
        "9 of 9 windows",
        "4 of 4",
        HOSTILE,
    ):
        assert expected in text
    check_accessibility(page)
    assert page.locator(".grid .body .row").count() == 4
    page.fill("input[type=search]", "PAN")
    assert page.locator(".grid .body .row").count() == 1
    page.fill("input[type=search]", "")
    page.click(".head [role=columnheader] >> nth=0")  # beside the word too
    assert page.inner_text(".grid .body .row >> nth=1").startswith("bouncing_shapes")
    page.focus(".grid")
    for key in ("Home", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("text=Chosen window")
    assert page.inner_text("h1") == "bouncing_shapes"
    page.go_back()
    page.evaluate("location.hash = '#/video/2'; setTimeout(() => { location.hash = '#/'; })")  # left before it is drawn
    picture = page.wait_for_selector(".map canvas")
    page.wait_for_timeout(200)
    x, y = picture.evaluate(POINT)
    page.select_option("label:has-text('Colour by') select", "classes")
    assert page.inner_text(".legend") == f"dancing {HOSTILE}"
    picture.hover(position={"x": x, "y": y})
    page.wait_for_selector("#tip >> text=row")
    assert f"; dancing {HOSTILE}" in page.inner_text("#tip")
    picture.click(position={"x": x, "y": y})
    page.wait_for_selector("text=Chosen window")
    page.set_viewport_size({"width": 550, "height": 450})  # as 1100 pixels at 200 %
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 640, "height": 450})
    page.click("text=all videos")
    assert page.locator(".grid").evaluate("(grid) => grid.scrollWidth <= grid.clientWidth")  # no column is cut off


def test_a_video(page: Any, address: str) -> None:
    page.goto(address)
    page.click(".body .row >> text=bouncing_shapes")
    page.wait_for_selector("text=spectrogram")
    page.wait_for_selector(".near li")
    check_accessibility(page)
    length_s = page.evaluate("document.querySelector('video').duration")
    windows = page.locator("canvas[aria-label='Windows of i3d rgb: windows: 3']")
    shown = [windows.evaluate(PIXEL, [time / length_s, 0.4])[3] for time in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)]
    assert [value > 0 for value in shown] == [True, False, True, False, True, False]
    classes = page.locator(".above canvas >> nth=0")
    assert page.inner_text(".lanes >> nth=0").splitlines() == [f"dancing {HOSTILE}", "a dog"]
    check_other_classes(page, length_s)
    lanes = [classes.evaluate(PIXEL, [time / length_s, 0.25]) for time in (0.5, 1.5, 2.5, 4.5)]
    assert lanes[1][3] == 0 and lanes[0][1] > lanes[3][1] > lanes[2][1]  # nothing between windows; brighter, likelier
    box = windows.bounding_box()
    windows.click(position={"x": box["width"] * 2.5 / length_s, "y": 5})
    text = "i3d rgb row 1, 2.00 s to 3.00 s; frames 50 to 75 of the file; class by probability: dancing <img"
    assert page.inner_text("[role=slider]").startswith(text)
    assert "Flow of i3d flow row 1:" in page.inner_text("figcaption")  # of the same moment
    wait_until(page, "document.querySelector('video').currentTime >= 2")
    wait_until(page, "document.querySelector('video').paused")
    assert 2.9 <= page.evaluate("document.querySelector('video').currentTime") < 3.6
    assert "cosine" in page.inner_text(".near") and page.locator(".near img").count()
    assert "cosine with the other output" in page.inner_text("main")
    page.focus("[role=slider]")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("[role=slider]", "aria-valuenow") == "2"
    assert "Flow of i3d flow row 2:" in page.inner_text("figcaption")
    page.keyboard.press("2")
    page.wait_for_selector("img.flow")
    assert page.evaluate(f"""async () => {{
        const image = document.querySelector("img.flow"); await image.decode();
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        canvas.getContext("2d").drawImage(image, 0, 0);
        return ({PIXEL})(canvas, [0.01, 0.5]);
    }}""") == [255, 0, 0, 255]
    check_accessibility(page)
    page.set_viewport_size({"width": 550, "height": 450})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def check_other_classes(page: Any, length_s: float) -> None:
    """The other output's classes are lanes of their own, on the same axis; a click there leads nowhere."""
    other = page.locator(".above:has-text('of the other output')")
    assert other.locator(".lanes").inner_text().splitlines() == ["a cat", "singing"]
    canvas, chosen = other.locator("canvas"), page.inner_text("[role=slider]")
    at = [[canvas.evaluate(PIXEL, [time / length_s, y]) for time in (0.5, 1.5, 2.5, 4.5)] for y in (0.25, 0.75)]
    assert [pixel[3] for pixel in at[1]] == [255, 0, 255, 255] and at[0][3][1] > at[1][2][1] > at[1][0][1] > at[1][3][1]
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 2.5 / length_s, "y": 5})
    assert "class by probability: singing 0.7" in page.inner_text("#tip")
    canvas.click(position={"x": box["width"] * 2.5 / length_s, "y": 5})
    assert page.inner_text("[role=slider]") == chosen


def test_damaged_and_unplayable_videos(page: Any, tmp_path: Path) -> None:
    """Damaged, of a codec that browsers lack, missing; and a run that goes on."""
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "garbage.mp4").write_bytes(b"<script>" * 500)
    write_clip(videos / "old.avi", moving_frames(30), codec="mpeg4")
    for name in ("garbage.mp4", "old.avi", "missing.mp4"):
        save(tmp_path / "out", name, name)
    fail(tmp_path / "out", "failed.mp4", "garbage.mp4: cannot be opened", Fingerprint("garbage.mp4"))
    process = start("view", tmp_path / "out", "--videos", videos, "--no_browser")
    assert process.stdout is not None
    page.goto(process.stdout.readline().strip())
    unplayed = "This browser does not play the file; "
    notes = {"missing.mp4": "The video is not in the folder of --videos."}
    notes |= dict.fromkeys(("garbage.mp4", "failed.mp4"), f"{unplayed}no picture of it can be shown.")
    notes["old.avi"] = f"{unplayed}pictures of it stand in."
    for name, note in notes.items():
        page.click(f".body .row >> text={name}")
        page.wait_for_selector(f"text={note}")
        assert ("Chosen window" in page.inner_text("main")) == (name != "failed.mp4")
        if name == "failed.mp4":
            assert page.inner_text(".bad") == "i3d failed: cannot be opened"
            assert "There are no features of this video." in page.inner_text("main")
            assert not page.locator("canvas, .bar").count()
        if name == "old.avi":
            wait_until(page, "document.querySelector('.player img').naturalWidth > 0")
        page.click("text=all videos")
    save(tmp_path / "out", "later\u202e")
    page.wait_for_selector(".body .row >> text=later")
    assert "later\\u202e" in page.inner_text(".body")  # not as a mark that turns what follows round
    assert page.inner_text("h1") == "5 videos"
    assert "18 of 18 windows" in page.inner_text("main")
    page.click("text=Map again, with 6 new windows")  # which no one who looks at a map would want unasked
    page.wait_for_selector("text=24 of 24 windows")
    assert "Map again" not in page.inner_text("main")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_an_export_from_disk(page: Any, outputs: Path, tmp_path: Path) -> None:
    like = ("--like", "bouncing_shapes@2.5", "--feature", "rgb", "--top", 4)
    done = run("search", outputs / "out", *like, "--videos", ROOT / "sample", "--export", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    page.goto(f"file://{tmp_path}/page/index.html#/found")
    page.wait_for_selector(".near img")
    assert page.inner_text("h1") == "Like bouncing_shapes@2.5" and page.locator(".near li").count() == 4
    check_accessibility(page, preload=False)
    shown = page.inner_text(".near a >> nth=0").splitlines()
    start_ms = round(1000 * float(shown[1].split()[0]))
    assert page.get_attribute(".near img >> nth=0", "src").endswith(f"/{start_ms}.jpg")  # of just that moment
    page.click(".near a >> nth=0")
    page.wait_for_selector("text=Chosen window")
    assert page.inner_text("h1") == shown[0] and f", {shown[1]}" in page.inner_text("[role=slider]")
    page.goto(f"file://{tmp_path}/page/index.html#/")
    page.click(".body .row >> text=camera_pan")
    page.wait_for_selector(".near li img")
    wait_until(page, "document.querySelector('video').readyState > 1")
    assert page.inner_text("h1") == "camera_pan"
    check_frames(page)


def check_frames(page: Any) -> None:
    """A row of a single frame is drawn until the next one, the last as long as the others, on every track."""
    assert page.inner_text("[role=slider]").startswith("i3d rgb row 0, 0.00 s; frame 0 of the file; class by")
    for name in ("Windows of i3d rgb: windows: 3", "Classes along", "Cosine of each pair"):
        track = page.locator(f"canvas[aria-label^='{name}']").first
        shown = [track.evaluate(PIXEL, [time / 6, 0.3]) for time in (0.5, 1.9, 2.1, 3.9, 4.1, 5.9)]  # to its own end
        assert all(pixel[3] for pixel in shown), name
        box = track.bounding_box()
        track.hover(position={"x": box["width"] * 5.5 / 6, "y": 5})
        assert page.inner_text("#tip").startswith("5.50 s; class" if name[1] == "l" else "i3d rgb row 2, 4.00 s;")
    change = page.locator("canvas[aria-label^='Change from row']").first
    drawn = [change.evaluate(INK, time / 6) for time in (1, 3, 5)]
    assert drawn == [False, True, True]  # in the middle of rows 1 and 2
    track.click(position={"x": box["width"] * 3.9 / 6, "y": 5})
    assert page.inner_text("[role=slider]").startswith("i3d rgb row 1, 2.00 s; frame 60 of the file; class by")
