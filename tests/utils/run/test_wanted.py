"""A video that a run wants, and videos of other runs with outputs of the same name."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from utils.run.wanted import Wanted, claim_name, kept_apart, not_new
from utils.sinks.manifest_line import ManifestLine
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.name_template import NameTemplate, OutputNames
from utils.sources.ref import VideoRef
from utils.state.manifest import PLAIN_NAMES

OF_OTHER = ManifestLine(id="a/clip.mp4", name="clip", status="done", source=Fingerprint("a/clip.mp4"))
REF = VideoRef("b/clip.mp4", "clip", "b/clip.mp4")


def state(
    name: str, replaced: ManifestLine | None = None, new: ManifestLine | None = None, names: OutputNames = PLAIN_NAMES
) -> Any:
    """The state of a feature type. new: the line that another run has just written, of a video with any id."""
    return SimpleNamespace(
        feature_type=name,
        part=lambda ref: ref,
        replaced_by=lambda _ref: replaced,
        latest=SimpleNamespace(
            names=names,
            is_new=lambda id_: new is not None and new.id == id_,
            get=lambda id_: new if new is not None and new.id == id_ else None,
        ),
    )


def test_a_video_is_refused_where_any_feature_type_would_lose_outputs():
    assert kept_apart(REF, [state("a"), state("b")]) is REF
    refused = kept_apart(REF, [state("a"), state("b", OF_OTHER)])
    assert refused.refused is not None and refused.refused[0] == "failed" and refused.name == REF.id
    assert refused.refused[1].startswith("a/clip.mp4 of an earlier run has outputs called 'clip', which would be")


def test_what_a_template_calls_outputs_is_claimed_and_said():
    names, ref = OutputNames(NameTemplate.of("{stem}_{key}")), replace(REF, name="b/clip")
    assert claim_name(state("a", names=names), ref) == claim_name(state("a", names=names), replace(REF, name="a/clip"))
    refused = kept_apart(ref, [state("a", OF_OTHER, names=names)]).refused
    assert refused is not None and "outputs called 'clip_', which" in refused[1]
    assert "or a --name_template with {relative}, or --overwrite" in refused[1]


def test_what_another_run_has_tried_is_left_out():
    tried = replace(OF_OTHER, id=REF.id, source=Fingerprint(REF.path))
    one, other = state("a", new=tried), state("b")
    assert not_new(Wanted(REF, [one, other])) == (REF, [other])


def test_what_another_run_has_done_of_another_video_with_this_id_is_not_left_out(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").write_text(name * (1 + ord(name)))
    ref = VideoRef("clip.mp4", "clip", "clip.mp4")
    monkeypatch.chdir(tmp_path / "a")
    states = [state("a", new=replace(OF_OTHER, id=ref.id, source=fingerprint(ref))), state("b")]
    monkeypatch.chdir(tmp_path / "b")
    assert not_new(Wanted(ref, states)) == (replace(ref, id=f"{tmp_path}/b/clip.mp4"), states)


def test_videos_with_outputs_of_one_name_claim_the_same():
    same = VideoRef("a/clip.mp4", "clip", "a/clip.mp4")
    assert claim_name(state("a"), REF) == claim_name(state("a"), same) != claim_name(state("b"), REF)
