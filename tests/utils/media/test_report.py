from utils.media.report import DecodeReport, VideoReport


def test_a_problem_is_noted_once():
    report = VideoReport()
    report.note("it is rotated")
    report.note("it is rotated")
    assert report.problems == ["it is rotated"] and not report.partial
    report.damage("2 frames are damaged")
    assert report.problems == ["it is rotated", "2 frames are damaged"] and report.partial


def test_another_pass_adds_what_it_met():
    report = DecodeReport(["a"])
    report.take_over(DecodeReport(["a", "b"], partial=True))
    assert (report.problems, report.partial) == (["a", "b"], True)
    report.take_over(DecodeReport())
    assert report.partial
