"""What `benchmarks.compare` compares: the commands of video_features and ours, and variants of ours."""

from dataclasses import dataclass, replace

STACK = {"64_64": (64, 64), "64_16": (64, 16)}


@dataclass(frozen=True)
class Case:
    """One comparison.

    theirs, ours: the flags of both commands, without videos, outputs and devices. keys: the outputs to compare.
    files: the checkpoints of both. media: "video", or "audio" for WAV files of the clips.
    """

    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    keys: tuple[str, ...]
    files: tuple[str, ...]
    media: str = "video"


def _i3d(stack: str, *streams: str) -> Case:
    size, step = STACK[stack]
    theirs = ("feature_type=i3d", f"stack_size={size}", f"step_size={step}", "flow_type=raft")
    theirs += (f"streams={streams[0]}",) if len(streams) == 1 else ()
    ours = ("--feature_type", "i3d", "--streams", *streams, "--flow_type", "raft")
    ours += ("--stack_size", str(size), "--step_size", str(step))
    files = (*(f"i3d_{stream}.pt" for stream in streams), *(("raft-sintel.pth",) if "flow" in streams else ()))
    return Case(theirs, ours, streams, files)


CASES = {
    "i3d_rgb_64_64": _i3d("64_64", "rgb"),
    "i3d_rgb_64_16": _i3d("64_16", "rgb"),
    "i3d_flow_64_64": _i3d("64_64", "flow"),
    "i3d_both_64_64": _i3d("64_64", "rgb", "flow"),
    "i3d_both_64_16": _i3d("64_16", "rgb", "flow"),
    "raft": Case(("feature_type=raft",), ("--feature_type", "raft"), ("raft",), ("raft-sintel.pth",)),
    "vggish": Case(
        ("feature_type=vggish",),
        ("--feature_type", "vggish", "--vggish_model_path", "{files}/vggish-10086976.pth"),
        ("vggish",),
        ("vggish-10086976.pth", "vggish_pca_params-970ea276.pth"),
        media="audio",
    ),
    "clip": Case(
        ("feature_type=clip", "model_name=custom"),
        ("--feature_type", "clip", "--model_name", "ViT-B/32", "--checkpoint", "{files}/ViT-B-32.pt"),
        ("clip",),
        ("ViT-B-32.pt",),
    ),
    "resnet50": Case(
        ("feature_type=resnet", "model_name=resnet50"),
        ("--feature_type", "resnet", "--model_name", "resnet50"),
        ("resnet",),
        ("resnet50-0676ba61.pth",),
    ),
}


def _bf16(case: Case) -> Case:
    return replace(case, ours=(*case.ours, "--precision", "bf16"))


def _pwc(case: Case) -> Case:
    """PWC-Net for our flow, whose features are others than RAFT's."""
    ours = tuple("pwc" if argument == "raft" else argument for argument in case.ours)
    keys = tuple(key for key in case.keys if key != "flow")
    return replace(case, ours=ours, keys=keys, files=(*case.files, "pwc_net_sintel.pt"))


VARIANTS = {
    "default": lambda case: case,
    "bf16": _bf16,
    "pwc_bf16": lambda case: _bf16(_pwc(case)),
}
