"""What workers are told, as they use it."""

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.media.limits import Limits
from utils.sinks.acav import acav_names
from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.plan import FeaturePlan, Plan


def plan(**flags: object) -> Plan:
    return Plan(RunConfig(**flags), (), ("cpu",), 1, 1)  # pyright: ignore[reportArgumentType]  # flags of several types


def test_the_user_s_limits_reach_the_decoders() -> None:
    assert plan().limits == Limits()
    flags = {"max_pixels": 5, "max_seconds": 6.0, "max_bytes": 7, "video_track": "eng", "audio_track": "1"}
    assert plan(**flags, frames_fps=8.0, no_audio="skip").limits == Limits(5, 6.0, 7, "eng", "1", 8.0, True)


def test_format_and_names() -> None:
    assert plan(on_extraction="save_h5").format is FORMATS["save_h5"]
    assert plan().names is None
    template = plan(name_template="{stem}__{crop}").names
    assert template is not None and template.has("crop")


def test_a_manifest_line_says_what_the_video_is_and_repeats_the_stamp() -> None:
    stamp = RunStamp("tiny", settings_hash="s")
    feature = FeaturePlan("tiny", "", Config(), {}, {}, "", stamp, acav_names("tiny"))
    ref = VideoRef("id", "name", "a.mp4", shard="shard-1", meta={"label": 3})
    line = feature.line(ref, "partial", "cut off", Fingerprint("a.mp4"), windows=7)
    assert (line.id, line.name, line.shard, line.meta, line.status) == (
        "id",
        "name",
        "shard-1",
        {"label": 3},
        "partial",
    )
    assert (line.reason, line.windows, line.stamp, line.source.path) == ("cut off", 7, stamp, "a.mp4")
