"""Every recipe on one clip, with random weights: the files that it gives, and how long it takes.

    python -m benchmarks.recipes [NAME ...] [--clip FILE] [--flags=--device cpu]
    python -m benchmarks.recipes --golden

--golden compares the rows that the original code gave of the sample clips instead, of all recipes that have some.

Names are those of recipes/ (default: all). Large networks take gigabytes of memory and minutes on a CPU.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import featmill
from utils.config.recipe import recipe_names

ROOT = Path(__file__).parent.parent


def run(name: str, clip: Path, flags: list[str]) -> None:
    """Run a recipe, and print its files with shapes and dtypes."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["--recipe", name, "--weights", "random", "--video_paths", str(clip), "--output_path", folder, *flags]
        start = time.perf_counter()
        done = subprocess.run([sys.executable, ROOT / "main.py", *command], capture_output=True, text=True)
        print(f"{name}: exit code {done.returncode} after {time.perf_counter() - start:.0f} s", flush=True)
        if done.returncode:
            print(done.stderr)
            return
        for feature_type in sorted(path.name for path in Path(folder).iterdir() if (path / "manifest.jsonl").exists()):
            (video,) = featmill.load(Path(folder) / feature_type)
            files = sorted(str(path.relative_to(folder)) for path in (Path(folder) / feature_type).rglob("*.np*"))
            print(f"  {', '.join(files)}: {', '.join(f'{k} {a.dtype} {list(a.shape)}' for k, a in video.items())}")


def compare() -> None:
    """Print the relative error of each recorded case of the recipes."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.golden import relative_error
    from support.recipes import CASES, golden_rows

    with tempfile.TemporaryDirectory() as folder:
        for recipe, names in CASES.items():
            for name in names:
                ours, theirs, meta = golden_rows(recipe, name, Path(folder))
                print(f"{recipe} {name}: {relative_error(ours, theirs):.1e} of {meta['tolerance']:g}", flush=True)


def main() -> None:
    """Run the recipes that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=recipe_names())
    parser.add_argument("--clip", type=Path, default=ROOT / "sample" / "camera_pan.mp4")
    parser.add_argument("--flags", default="--device cpu")
    parser.add_argument("--golden", action="store_true")
    options = parser.parse_args()
    if options.golden:
        compare()
    for name in [] if options.golden else options.names:
        run(name, options.clip.resolve(), options.flags.split())


if __name__ == "__main__":
    main()
