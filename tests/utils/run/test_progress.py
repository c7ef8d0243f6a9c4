"""What is said of videos that are not finished."""

from utils.run import progress as progress_module
from utils.run.progress import RunProgress
from utils.worker.messages import HowFar


def test_counting_comes_before_decoding(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "PLAIN_EVERY_S", 0)
    progress = RunProgress(2, quiet=False)

    def said(**videos):
        progress.decoded({f"x/{name}.mp4": far for name, far in videos.items()})
        return capsys.readouterr().err.splitlines()[-1].rpartition(" windows/s, ")[2]

    assert said(a=HowFar(30, 40, True)) == "counted the frames of 30 of 40 s of a.mp4"  # which takes no share
    assert said(a=HowFar(10, 40)).startswith("decoded 10 of 40 s of a.mp4, about ")
    assert said(a=HowFar(20, 40), b=HowFar(9, None, True)).startswith("decoded 20 of 40 s of a.mp4, about ")
    assert said(a=HowFar(5, 40)).startswith("decoded 20 of 40 s")  # its sound, after its frames
    assert said(b=HowFar(1, None)).startswith("decoded 21 s of 2 videos")
