from utils.run import merge_journal
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.state.manifest import Latest
from utils.storage.local import LocalFolder

LINE = ManifestLine(id="1", status="done", name="a", stamp=RunStamp("tiny"))


def test_a_merge_that_is_committed_counts_and_leaves_no_journal(tmp_path):
    place, folder = LocalFolder(tmp_path), LocalFolder(tmp_path / "tiny")
    folder.prepare()
    merge_journal.commit(place, {"tiny": folder}, [LINE], [LINE])
    assert not merge_journal.has_journal(place)
    (found,) = Latest(folder)
    assert (found.id, found.revision) == ("1", LINE.revision + 1)


def test_a_damaged_journal_is_removed_so_that_videos_are_merged_again(tmp_path, caplog):
    place, folder = LocalFolder(tmp_path), LocalFolder(tmp_path / "tiny")
    folder.prepare()
    with place.whole(merge_journal.JOURNAL) as file:
        file.write(b'{"line": {"id": "1"')
    assert merge_journal.has_journal(place)
    merge_journal.recover(place, {"tiny": folder})
    assert "is damaged" in caplog.text
    assert not merge_journal.has_journal(place) and not len(Latest(folder))
