"""Frames per second by decode threads in one process, which share the interpreter's lock, and in several processes."""

import json
import subprocess
import sys

from benchmarks.on_gpu.common import ROOT, Options, Out
from utils.engines.devices import n_cores

PROGRAM = """
import json, sys, threading, time
sys.path.insert(0, sys.argv[1])
from utils.media.video import VideoStream
clip, n_threads, seconds = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
counts, start = [0] * n_threads, time.monotonic()
def decode(thread):
    while time.monotonic() < start + seconds:
        with VideoStream(clip) as stream:
            for frames in stream:
                counts[thread] += len(frames.pixels)
                if time.monotonic() > start + seconds:
                    break
threads = [threading.Thread(target=decode, args=(thread,)) for thread in range(n_threads)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(sum(counts) / (time.monotonic() - start)))
"""


def measure(out: Out, options: Options) -> None:
    """Measure each clip."""
    clips = options.clips()[:1] if options.tiny else options.clips()
    ways = [(1, 1)] if options.tiny else [(1, 1), (1, 4), (1, 8), (1, 16), (2, 8), (n_cores(), 1)]
    for clip in clips:
        for n_processes, n_threads in ways:
            if out.left_s() < 4:
                return
            with out.guarded(name=clip.name):
                seconds = 0.3 if options.tiny else 1.5
                command = [sys.executable, "-c", PROGRAM, str(ROOT), str(clip), str(n_threads), str(seconds)]
                running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n_processes)]
                fps = round(sum(json.loads(process.communicate()[0]) for process in running))
                ways_of = {"processes": n_processes, "threads": n_threads}
                out.row(name=f"{clip.name} {n_processes}x{n_threads}", **ways_of, frames_per_s=fps)
