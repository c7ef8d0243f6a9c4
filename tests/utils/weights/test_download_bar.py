import time

import pytest

from utils.weights.download_bar import DownloadBar


def test_a_line_every_few_seconds_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times_s = iter([0.0, 1.0, 4.9, 5.0, 6.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times_s))
    with DownloadBar("net.pt") as report:
        assert capsys.readouterr().err == ""
        for done in (0, 1_000_000, 2_000_000, 3_000_000, 7_000_000):
            report(done, 7_000_000)
        report(8_000_000, None)
    assert capsys.readouterr().err.splitlines() == [
        "downloading net.pt: 0.0 of 7.0 MB",
        "downloading net.pt: 3.0 of 7.0 MB",
        "downloading net.pt: 7.0 of 7.0 MB",  # the last one at once
        "downloading net.pt: 8.0 MB",
    ]
