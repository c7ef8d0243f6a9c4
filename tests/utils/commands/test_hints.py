import pytest

from models import MODELS
from utils.commands import hints


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("device=cpu", "flags start with --, such as --device cpu"),
        ("i3d", "i3d is a feature type: "),
        ("stauts", "did you mean status?"),
        ("/", "files come after --video_paths"),
        ("xyzzy", "no such command; commands are models,"),
    ],
)
def test_a_wrong_first_word(word, hint):
    assert hint in hints.wrong_command(word, MODELS)


def test_a_wrong_feature_type():
    assert "status is a command" in hints.wrong_feature_type("status", MODELS)
    assert "did you mean resnet?" in hints.wrong_feature_type("resnett", MODELS)
    assert "--help: commands have no hyphens" in hints.no_feature_type(["--help"], MODELS)
    assert "did you mean --feature_type?" in hints.no_feature_type(["--feature-typ"], MODELS)
    assert "did you mean help?" in hints.no_feature_type(["--hepl"], MODELS)
    assert "did you mean version?" in hints.no_feature_type(["--versoin"], MODELS)
    for unknown in ([], ["--model_name=resnet18"]):
        assert hints.no_feature_type(unknown, MODELS).startswith("--feature_type is missing; choose from i3d,")


def test_an_argument_that_no_flag_takes():
    assert "unexpected argument 'clip.mp4'" in hints.unknown_flag("clip.mp4", ["i3d"], MODELS)
    assert "--streams is not used by --feature_type resnet, only by i3d" in hints.unknown_flag(
        "--streams=rgb", ["resnet"], MODELS
    )
    assert hints.unknown_flag("--streamz", ["i3d"], MODELS).endswith("is unknown (did you mean --streams?)")
    assert hints.unknown_flag("--output_dir=out", ["i3d"], MODELS).endswith("here it is --output_path DIR")
    assert hints.unknown_flag("--cpu", ["i3d"], MODELS).endswith("here it is --device cpu")
    meant = "is unknown (did you mean --extraction_fps or --frames_fps?)"
    assert hints.unknown_flag("--fps", ["i3d"], MODELS).endswith(meant)
    assert "keep_tmp_files is a flag of another extractor" in hints.unknown_key("keep_tmp_files", ["i3d"], MODELS)
