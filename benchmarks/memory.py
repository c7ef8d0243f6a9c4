"""Peak memory of a run on a long video against a short one: the ratio must stay near 1.

    python -m benchmarks.memory --minutes 1 30 -- --feature_type i3d --streams rgb --weights random --step_size 640

After -- come the flags for main.py, without videos: synthetic ones of the given lengths are made, of 160x120 pixels at
25 frames per second, with a tone. Each video gets its own run; the peak is that of the run's largest process.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np

from benchmarks import record

FPS, HEIGHT, WIDTH, RATE_HZ = 25, 120, 160, 44100
ROOT = Path(__file__).parent.parent


def write_video(path: Path, minutes: float) -> Path:
    """Write a video of moving bars with a tone; return its path."""
    x = np.arange(WIDTH, dtype=np.float32)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)[None]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "30"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for i in range(round(minutes * 60 * FPS)):
            row = (127.5 + 100 * np.sin(0.1 * x + 0.05 * i)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)).copy())
            container.mux(video.encode(frame))
            if i % FPS == 0:
                block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                block.sample_rate = RATE_HZ
                container.mux(audio.encode(block))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def peak_mib(command: list[str]) -> float:
    """Return the peak resident memory of the largest process of a command, in MiB."""
    code = (  # in a process whose only children are the command's
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    exit_code, kib = map(int, done.stdout.split())
    if exit_code != 0:
        raise SystemExit(f"the run failed with exit code {exit_code}:\n{done.stderr}")
    return kib / 1024


def main(arguments: list[str]) -> None:
    """Measure, print the ratio and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", nargs=2, type=float, default=[1, 30], help="lengths of the videos (default: 1 30)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: flags for main.py")
    options = parser.parse_args(arguments)
    program = [argument for argument in options.command if argument != "--"]
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            video = write_video(Path(folder) / f"{minutes:g}.mp4", minutes)
            output = ["--on_extraction", "save_numpy", "--output_path", folder, "--video_paths", str(video)]
            peaks[minutes] = peak_mib([sys.executable, str(ROOT / "main.py"), *program, *output])
            print(f"{minutes:g} minutes: {peaks[minutes]:.0f} MiB")
    short, long = options.minutes
    ratio = peaks[long] / peaks[short]
    print(f"{long:g} minutes take {ratio:.3f} of the memory of {short:g}")
    figures = {"command": program, "peak_mib": {f"{m:g} min": round(p, 1) for m, p in peaks.items()}}
    feature_type = program[program.index("--feature_type") + 1]
    record.write(f"memory-{feature_type}", figures | {"ratio": round(ratio, 3)}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
