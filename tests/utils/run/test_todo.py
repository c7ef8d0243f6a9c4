"""Which videos a run hands out, in which order, to whom."""

import itertools
import json
import threading
import time
import uuid
from collections import Counter
from types import SimpleNamespace

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from support.golden import GOLDEN

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.run.done_list import DoneList
from utils.run.output_state import OutputState
from utils.run.todo import NothingYet, Todo, n_in_part
from utils.sinks import manifest_line
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sinks.readback import OutputReader
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.state.manifest import Latest, Manifest
from utils.storage import processes
from utils.storage.folder import folder_at
from utils.worker.plan import FeaturePlan, Task

REFS = [VideoRef(f"{i}.mp4", str(i), f"/absent/{i}.mp4") for i in range(6)]
CLIPS = [VideoRef(f"{i}", f"{i}", "x.tar", shard=f"shard-{i // 2}") for i in range(6)]


def feature_of(feature_type, output="", **flags):
    stamp = RunStamp(feature_type, settings_hash="s", on_extraction="save_npz")
    return FeaturePlan(feature_type, "", Config(), {}, {}, output, stamp, acav_names(feature_type), **flags)


def state_in(tmp_path, feature_type="tiny", **flags):
    folder = folder_at(str(tmp_path / feature_type))
    folder.prepare()
    return OutputState(feature_of(feature_type, str(folder), **flags), folder, Latest(folder), OutputReader(folder))


def finish(state, ref, status="done"):
    Manifest(state.folder).append(state.feature.line(ref, status, "", fingerprint(ref)))


def next_of(todo: Todo) -> Task:
    task = todo.next()
    assert task is not None
    return task


def all_of(todo):
    found = []
    while (task := todo.next()) is not None:
        found.append(task.ref.id)
    return found


def todo_of(states=(), claims=None, refs=REFS, done_list=None, **flags):
    features = [state.feature for state in states] or [feature_of("tiny")]
    return Todo(iter(refs), RunConfig(on_extraction="save_npz", **flags), features, states, claims, done_list)


def test_everything_where_nothing_is_written():
    assert all_of(todo_of()) == [ref.id for ref in REFS]
    assert all_of(todo_of(limit=2)) == ["0.mp4", "1.mp4"]


@pytest.mark.parametrize("n_parts", [1, 2, 4, 7])
def test_parts_are_disjoint_and_leave_nothing_out(n_parts):
    names = [f"{i}/{n_parts}" for i in range(n_parts)]
    parts = [all_of(todo_of(shard=name)) for name in names]
    assert sorted(itertools.chain.from_iterable(parts)) == [ref.id for ref in REFS]
    assert list(map(len, parts)) == [n_in_part(len(REFS), name) for name in names]


def test_parts_of_tars_are_whole_shards():
    assert [all_of(todo_of(refs=CLIPS, shard=f"{i}/2")) for i in range(2)] == [["0", "1", "4", "5"], ["2", "3"]]


def test_what_is_done_is_left_out_and_what_failed_is_not(tmp_path):
    state = state_in(tmp_path)
    finish(state, REFS[1])
    finish(state, REFS[2], "failed")
    finish(state, REFS[3], "skipped")
    state.latest.refresh()
    state.latest = Latest(state.folder)
    with Claims(folder_at(str(tmp_path))) as claims:
        todo = todo_of([state], claims)
        assert all_of(todo) == ["0.mp4", "2.mp4", "4.mp4", "5.mp4"]
        assert todo.n_before == 2
        assert len(all_of(todo_of([state], claims, overwrite=True))) == 6


def test_each_feature_type_gets_what_it_lacks(tmp_path):
    states = [state_in(tmp_path, "a"), state_in(tmp_path, "b")]
    finish(states[0], REFS[0])
    finish(states[1], REFS[1])
    for one in states:
        one.latest = Latest(one.folder)
    with Claims(folder_at(str(tmp_path))) as claims:
        todo = todo_of(states, claims)
        assert [next_of(todo).feature_types for _ in range(3)] == [("b",), ("a",), ("a", "b")]


def test_aligned_types_are_extracted_together(tmp_path):
    root, types = folder_at(str(tmp_path)), ("a", "b")
    finish(state_in(tmp_path, "a"), REFS[0])
    for kind in types:
        finish(state_in(tmp_path, kind), REFS[1])
    with Claims(root) as ours, Claims(root) as theirs:
        one, other = (todo_of([state_in(tmp_path, kind) for kind in types], each, align="a") for each in (ours, theirs))
        first = next_of(one)
        assert (first.ref.id, first.feature_types) == ("0.mp4", types)
        assert theirs.take_all(["b:2.mp4"], {"b:2.mp4": "b:2"})
        assert [next_of(one).ref.id, next_of(other).ref.id] == ["3.mp4", "2.mp4"]  # 2.mp4 is partly theirs
        assert (one.n_before, one.n_waiting, other.n_waiting) == (1, 1, 1)


def test_a_list_of_finished_videos_is_honoured_and_grows(tmp_path):
    file = tmp_path / "finished.txt"
    file.write_text("0.mp4\n/absent/1.mp4\n2\n")
    todo = todo_of(done_list=DoneList(str(file)))
    assert all_of(todo) == ["3.mp4", "4.mp4", "5.mp4"]
    todo.completed(REFS[3], ["done"])
    todo.completed(REFS[4], ["done", "failed"])
    assert file.read_text() == "0.mp4\n/absent/1.mp4\n2\n3.mp4\n"


def test_two_runs_share_a_list_and_one_waits_for_the_other(tmp_path):
    root = folder_at(str(tmp_path))
    first, second = state_in(tmp_path), state_in(tmp_path)
    with Claims(root) as ours, Claims(root) as theirs:
        one, other = todo_of([first], ours), todo_of([second], theirs)
        assert (next_of(one).ref.id, next_of(other).ref.id, next_of(one).ref.id) == ("0.mp4", "1.mp4", "2.mp4")
        finish(first, REFS[0], "failed")  # tried by a run of now: not the other's to try again
        one.finished("tiny", REFS[0])
        finish(second, REFS[1])
        other.finished("tiny", REFS[1])
        assert [next_of(one).ref.id for _ in range(3)] == ["3.mp4", "4.mp4", "5.mp4"]
        with pytest.raises(NothingYet):
            other.next()
        assert other.n_waiting == 4
        for ref in REFS[2:5]:
            finish(first, ref)
            one.finished("tiny", ref)
        ours.release("tiny:5.mp4")  # given up, as by a run that is stopped
        assert next_of(other).ref.id == "5.mp4"
        finish(second, REFS[5])
        other.finished("tiny", REFS[5])
        assert (one.next(), other.next()) == (None, None)
        assert (one.n_elsewhere, other.n_elsewhere) == (1, 4)


class Requests:
    """Counts the requests to a file system in memory, each of which takes a while."""

    def __init__(self, monkeypatch):
        self.names, self._lock, self._n_now, self.most_at_once = Counter[str](), threading.Lock(), 0, 0
        monkeypatch.setattr(MemoryFileSystem, "async_impl", True)
        for name in ("pipe_file", "ls", "rm", "makedirs", "cat_file"):
            monkeypatch.setattr(MemoryFileSystem, name, self._slowly(name, getattr(MemoryFileSystem, name)))

    def _slowly(self, name, method):
        def slow(*arguments, **flags):
            with self._lock:
                self.names[name] += 1
                self._n_now += 1
                self.most_at_once = max(self.most_at_once, self._n_now)
            time.sleep(0.01)
            try:
                return method(*arguments, **flags)
            finally:
                with self._lock:
                    self._n_now -= 1

        return slow


def test_claims_at_an_address_are_taken_and_released_many_at_a_time(monkeypatch):
    for name in ("todo.LOOK_S", "claim_batch.SHORT_S"):  # so that the clock of a busy machine decides nothing
        monkeypatch.setattr(f"utils.run.{name}", 60.0)
    url = f"memory://{uuid.uuid4().hex}"
    folder = folder_at(url)
    refs = [VideoRef(f"{i}.mp4", str(i), f"/absent/{i}.mp4") for i in range(150)]
    requests = Requests(monkeypatch)
    with Claims(folder) as ours, Claims(folder) as theirs:
        states = [OutputState(feature_of("tiny", url), folder, Latest(folder), OutputReader(folder)) for _ in range(2)]
        one, other = (todo_of([state], each, refs) for state, each in zip(states, (ours, theirs), strict=True))
        assert next_of(other).ref.id == "0.mp4"
        requests.names.clear()
        found = all_until_it_waits(one)
        assert found == [ref.id for ref in refs[1:]]
        assert requests.names["pipe_file"] == 149 + 2 and requests.most_at_once > 16  # the first is tried twice
        assert requests.names.total() < 150 + 40  # to look at whose the first is, and at the manifest
        with pytest.raises(NothingYet):
            other.next()
        assert other.n_waiting == 149
        requests.names.clear()
        for ref in refs[1:]:
            one.finished("tiny", ref)
        one.release_finished()
        assert requests.names == {"rm": 1}
        assert next_of(other).ref.id == "1.mp4"


def all_until_it_waits(todo):
    found = []
    with pytest.raises(NothingYet):
        while (task := todo.next()) is not None:
            found.append(task.ref.id)
    return found


def test_a_video_is_listed_once_every_feature_type_is_done(tmp_path):
    states, file = [state_in(tmp_path, "a"), state_in(tmp_path, "b")], tmp_path / "finished.txt"
    with Claims(folder_at(str(tmp_path))) as claims:
        todo = todo_of(states, claims, done_list=DoneList(str(file)))
        finish(states[0], REFS[0])
        todo.completed(REFS[0], ["done"])  # another run has the other type
        assert not file.exists()
        finish(states[1], REFS[0])
        todo.completed(REFS[0], ["done"])
        assert file.read_text() == "0.mp4\n"


def test_a_finished_video_that_a_killed_run_did_not_list_is_listed(tmp_path):
    state, path = state_in(tmp_path), tmp_path / "done.txt"
    path.write_text("0.mp4")  # written by hand: without the end of the line
    for ref in REFS[:2]:
        finish(state, ref)
    state.latest = Latest(state.folder)
    with Claims(state.folder) as claims:
        assert all_of(todo_of([state], claims, done_list=DoneList(str(path)))) == [ref.id for ref in REFS[2:]]
    assert path.read_text() == "0.mp4\n1.mp4\n"


def test_at_an_address_the_last_run_counts_whatever_its_clock_and_zone(monkeypatch):
    """Each run leaves a claim behind, as one that is killed right after its line is written."""
    url = f"memory://{uuid.uuid4().hex}/out/tiny"
    clocks = [("A-14", 2e9), ("B+12", 1e9), ("C-14", 1.5e9), ("D+12", 0.0)]
    for number, (zone, now_s) in enumerate(clocks):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        clock = SimpleNamespace(strftime=lambda form, now_s=now_s: time.strftime(form, time.localtime(now_s)))
        monkeypatch.setattr(manifest_line, "time", clock)
        folder = folder_at(url)
        state = OutputState(feature_of("tiny", url), folder, Latest(folder), OutputReader(folder))
        claims = Claims(folder)
        claims.run = f"{processes.identity().rsplit('~', 2)[0]}~99999999~1~{number:08d}"  # of a process that is gone
        task = next_of(todo_of([state], claims, REFS[:1]))
        line = state.feature.line(
            REFS[0], "failed", f"run {number}", fingerprint(REFS[0]), revision=task.revisions["tiny"]
        )
        Manifest(folder_at(url)).append(line)
        line = Latest(folder).get(REFS[0].id)
        assert line is not None and line.reason == f"run {number}"
    monkeypatch.undo()
    time.tzset()


def test_what_is_left_is_counted_without_claims(tmp_path):
    done_list = tmp_path / "done.txt"
    finish(state_in(tmp_path), REFS[0])
    state = state_in(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    todo = todo_of([state], done_list=DoneList(str(done_list)))
    assert todo.next() == Task(REFS[1], ("tiny",))
    assert all_of(todo) == [ref.id for ref in REFS[2:]]
    assert todo.n_before == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_parts_of_the_list_are_those_of_mmaction2s_processes():
    tool = json.loads((GOLDEN / "clip_level" / "outputs.json").read_text())["mmaction2_0x_clip_feature_extraction"]
    for checked in tool["distributed"]["checked"]:
        refs = [VideoRef(f"{i}", f"{i}", f"/absent/{i}.mp4") for i in range(checked["videos"])]
        for rank, theirs in enumerate(checked["per_rank"]):
            ours = [int(name) for name in all_of(todo_of(refs=refs, shard=f"{rank}/{checked['world']}"))]
            n_padded = len(theirs) - len(ours)  # of the list, repeated from its start
            assert n_padded in (0, 1) and ours == theirs[: len(ours)]


def test_where_the_folder_takes_a_while_videos_are_looked_at_many_at_once(tmp_path, monkeypatch):
    state, all_look = state_in(tmp_path), threading.Barrier(3)
    for ref in REFS[:4]:
        finish(state, ref)
    state.latest = Latest(state.folder)
    monkeypatch.setattr(type(state.folder), "at_once", 3)
    monkeypatch.setattr(state.reader, "is_readable", lambda _outputs: all_look.wait(10) >= 0)
    refs = [*REFS[:3], REFS[4], REFS[5]]
    with Claims(folder_at(str(tmp_path))) as claims:
        todo = todo_of([state], claims, refs)
        assert (all_of(todo), todo.n_before) == (["4.mp4", "5.mp4"], 3)
