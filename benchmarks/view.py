"""How quick the page is with many windows: python -m benchmarks.view [VIDEOS] [ROWS]. Needs Playwright and Chromium.

Makes a folder of VIDEOS videos with ROWS windows of 1,024 numbers each (10,000 of 100), which share 100 files; opens it
in Chromium; prints seconds until the page can be used, the map is drawn, all videos are listed, all windows are read,
and of one question for nearest windows, and the most memory that the server took.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
FILES = 100
WIDTH = 1024


def make(folder: Path, n_videos: int, n_rows: int) -> None:
    """Write arrays around 50 centres, and a manifest that names each of them many times."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, WIDTH))
    folder.mkdir()
    start_s = np.arange(n_rows, dtype=np.float64)
    for i in range(FILES):
        rows = centres[rng.integers(50, size=n_rows)] + rng.normal(size=(n_rows, WIDTH))
        np.save(folder / f"{i}_rgb.npy", rows.astype(np.float32))
    np.save(folder / "start_s.npy", start_s)
    np.save(folder / "end_s.npy", start_s + 2)
    finished = "2026-11-27T12:{:02}:{:02}+0000"
    with (folder / "manifest.jsonl").open("w") as manifest:
        for i in range(n_videos):
            outputs = [output(folder, f"{i % FILES}_rgb.npy", "rgb", [n_rows, WIDTH], "float32")]
            outputs += [output(folder, f"{key}.npy", key, [n_rows], "float64") for key in ("start_s", "end_s")]
            line = {"id": f"video_{i:07}.mp4", "status": "done", "reason": "", "name": f"video_{i:07}", "source": {},
                    "windows": n_rows, "outputs": outputs, "feature_type": "i3d", "settings_hash": "0" * 16,
                    "finished": finished.format(i // 60 % 60, i % 60), "revision": 1}  # fmt: skip
            manifest.write(json.dumps(line) + "\n")


def output(folder: Path, file: str, key: str, shape: list[int], dtype: str) -> dict[str, object]:
    """Return what a manifest line says of a file that holds one array."""
    n_bytes = (folder / file).stat().st_size
    return {"file": file, "bytes": n_bytes, "arrays": {key: {"shape": shape, "dtype": dtype}}}


def measure(folder: Path) -> dict[str, float]:
    """Open the page in Chromium and return seconds, and GB of the server."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]  # installed for this alone

    begun = time.perf_counter()
    command = [sys.executable, str(ROOT / "main.py"), "view", str(folder), "--no_browser"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server,
        sync_playwright() as playwright,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        found = {"server_s": time.perf_counter() - begun}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.wait_for_selector(".grid .body .row", timeout=600_000)
        found["usable_s"] = time.perf_counter() - begun
        page.wait_for_selector(".map canvas", timeout=600_000)
        found["map_s"] = time.perf_counter() - begun
        page.wait_for_selector("h1:not(:has-text('so far'))", timeout=600_000)
        found["all_listed_s"] = time.perf_counter() - begun
        for name, action in (("sort_s", lambda: page.click(".head button >> nth=4")),
                             ("search_s", lambda: page.fill("input[type=search]", "0000042"))):  # fmt: skip
            begun = time.perf_counter()
            action()
            page.evaluate("new Promise((done) => requestAnimationFrame(done))")
            found[name] = time.perf_counter() - begun
        begun = time.perf_counter()
        while "hits" not in page.evaluate("featmill.get('near-0-0-3')"):
            time.sleep(0.5)
        found["read_all_s"] = time.perf_counter() - begun
        times = []
        for i in range(9):
            begun = time.perf_counter()
            page.evaluate(f"featmill.get('near-{i}-0-5')")
            times.append(time.perf_counter() - begun)
        found["nearest_s"] = float(np.median(times))
        found["server_gb"] = psutil.Process(server.pid).memory_info().rss / 1e9
        browser.close()
        server.terminate()
    return found


def main() -> None:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("VIDEOS", 10_000), ("ROWS", 100)):
        parser.add_argument(name, type=int, nargs="?", default=usual)
    n_videos, n_rows = vars(parser.parse_args()).values()
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch) / "i3d", n_videos, n_rows)
        print(json.dumps({"videos": n_videos, "rows": n_rows, **measure(Path(scratch))}))


if __name__ == "__main__":
    main()
