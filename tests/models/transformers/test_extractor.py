"""Features of every family of clips and frames, from a file, against the library's own model and processor.

Both run on the device of the tests: torchvision's resize rounds in another order on a GPU than on a CPU.
"""

import contextlib
from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.media import moving_frames, write_clip
from support.program import arrays, run
from support.tiny_transformers import save
from torchvision.transforms.functional import ten_crop

import featmill
from models.transformers.config import TransformersConfig
from models.transformers.extractor import PictureExtractor, make_extractor
from models.transformers.families import FAMILIES
from utils.errors import UserError
from utils.media.video import VideoStream

CLIPS = {  # what the library gives of a clip, and frames of one
    "videomae": (lambda m, x: m.fc_norm(m.videomae(x).last_hidden_state.mean(1)), 4),
    "timesformer": (lambda m, x: m(x).last_hidden_state[:, 0], 3),
    "vivit": (lambda m, x: m.vivit(x).last_hidden_state[:, 0], 4),
    "vjepa2": (lambda m, x: m.get_vision_features(x).mean(1), 4),
    "xclip": (lambda m, x: m.get_video_features(x).pooler_output, 4),
    "videoprism_vision_model": (lambda m, x: m(x).last_hidden_state.mean(1), 4),
    "videoprism": (lambda m, x: m.get_video_features(x).pooler_output[:, 0], 4),
    "pe_video": (lambda m, x: m.video_head(m.video_encoder(x).pooler_output), 3),
    "pe_audio_video": (lambda m, x: m.video_model.video_head(m.video_model.video_encoder(x).pooler_output), 3),
}
FRAMES = {
    "vit": lambda m, x: m.vit(x).last_hidden_state[:, 0],
    "dinov2": lambda m, x: m(x).pooler_output,
    "dinov2_with_registers": lambda m, x: m(x).pooler_output,
    "clip": lambda m, x: m.get_image_features(x).pooler_output,
    "siglip": lambda m, x: m.get_image_features(x).pooler_output,
}


def extract(path, **flags):
    return featmill.extract(path, "transformers", precision="float32", **flags)


def saved(family, folder):
    model, processor = save(family, folder)
    return model.to(DEVICE), processor


def check(ours, expected):
    torch.testing.assert_close(torch.from_numpy(ours), expected.cpu(), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", moving_frames(9), fps=10)
    with VideoStream(str(path)) as stream:
        return path, np.concatenate([chunk.pixels for chunk in stream])


def pixel_values(processor, frames, name):
    """The library's own input of frames [n, H, W, 3]: as a video where the processor is of videos."""
    images = frames if "Video" in type(processor).__name__ and "Image" not in type(processor).__name__ else list(frames)
    return processor(images, return_tensors="pt", device=DEVICE)[name]


@pytest.mark.parametrize("family", CLIPS)
def test_clips_are_the_librarys(family, clip, tmp_path):
    path, frames = clip
    model, processor = saved(family, tmp_path)
    call, n_frames = CLIPS[family]
    size: dict[str, Any] = {"stack_size": 3} if family.startswith("pe_") else {}
    if family == "pe_audio_video":
        processor, size = processor.video, size | {"stream": "video"}
    found = extract(path, model_name=str(tmp_path), frame_interval=2, step_size=1, **size)
    starts = range(len(frames) - 2 * (n_frames - 1))
    with torch.inference_mode():
        inputs = [
            pixel_values(processor, frames[i : i + 2 * n_frames - 1 : 2], FAMILIES[family].inputs) for i in starts
        ]
        expected = torch.cat([call(model, each) for each in inputs])
    check(found["transformers"], expected)
    assert found.start_s is not None
    np.testing.assert_allclose(found.start_s, np.array(starts) / 10, atol=1e-6)
    extractor = make_extractor(
        TransformersConfig(str(tmp_path), frame_interval=2, **size), {"transformers": tmp_path}, DEVICE
    )
    assert isinstance(extractor, PictureExtractor)
    window = extractor.window(extractor.prepare(torch.from_numpy(frames[: 2 * n_frames - 1]).to(DEVICE)), None)
    ours = extractor.pixel_values(window["pixels"][None])
    torch.testing.assert_close(ours, inputs[0], rtol=0, atol=1e-6)


def test_of_windows_in_seconds_the_network_sees_as_many_frames_as_it_takes(clip, tmp_path):
    path, frames = clip
    model, processor = saved("videomae", tmp_path)
    found = extract(path, model_name=str(tmp_path), window_s=0.8, tail="back")
    with torch.inference_mode():
        seen = [frames[[start, start + 2, start + 4, start + 7]] for start in (0, 1)]
        inputs = [pixel_values(processor, each, FAMILIES["videomae"].inputs) for each in seen]
        check(found["transformers"], torch.cat([CLIPS["videomae"][0](model, each) for each in inputs]))
    assert found.start_s is not None and found.end_s is not None
    np.testing.assert_allclose([found.start_s, found.end_s], [[0, 0.1], [0.7, 0.8]], atol=1e-6)


@pytest.mark.parametrize("family", FRAMES)
def test_frames_are_the_librarys(family, clip, tmp_path):
    path, frames = clip
    model, processor = saved(family, tmp_path)
    found = extract(path, model_name=str(tmp_path))
    with torch.inference_mode():
        inputs = pixel_values(processor, frames, "pixel_values")
        expected = FRAMES[family](model, inputs)
    check(found["transformers"], expected)
    extractor = make_extractor(TransformersConfig(str(tmp_path)), {"transformers": tmp_path}, DEVICE)
    assert isinstance(extractor, PictureExtractor)
    ours = extractor.pixel_values(extractor.prepare(torch.from_numpy(frames).to(DEVICE)))
    torch.testing.assert_close(ours, inputs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["clip", "siglip", "videomae"])
def test_views_are_cut_from_what_the_library_resizes(family, clip, tmp_path):
    path, frames = clip
    model, processor = saved(family, tmp_path)
    name, single = str(tmp_path), family in FRAMES
    found = extract(path, model_name=name, crop_type="10-crop", resize="squash:24x20", step_size=5)
    with torch.inference_mode():
        images = torch.from_numpy(frames[::5] if single else frames[:4]).permute(0, 3, 1, 2).to(DEVICE)
        size = type(processor.size)(height=20, width=24)
        views = ten_crop(processor.resize(images, size=size, resample=processor.resample), [16, 16])
        pixels = [processor(list(view), do_resize=False, return_tensors="pt")["pixel_values"] for view in views]
        call = FRAMES[family] if single else CLIPS[family][0]
        expected = torch.stack([call(model, each.to(DEVICE)) for each in pixels], 1)
    check(found["transformers"][: len(expected)], expected)
    squashes = family == "siglip"
    with pytest.raises(UserError, match="squashed to the 16x16") if squashes else contextlib.nullcontext():
        extract(path, model_name=name, crop_type="3-crop")
    assert extract(path, model_name=name, resize="short:17")["transformers"].ndim == 2


def test_pooling_and_layers(clip, tmp_path):
    path, frames = clip
    model, processor = saved("timesformer", tmp_path)
    with torch.inference_mode():
        found = model(pixel_values(processor, frames[:9:4], "pixel_values"), output_hidden_states=True)
        patches = found.last_hidden_state[0, 1:]
        by_time = patches.unflatten(0, (2, 2, 3))  # of this family, the times of a patch are neighbours
    name = str(tmp_path)
    expected = {
        "none": found.last_hidden_state[0],
        "tokens": patches,
        "mean": patches.mean(0),
        "spatial": by_time.mean(2),
    }
    for pool, values in expected.items():
        ours = extract(path, model_name=name, pool=pool)["transformers"]
        check(ours[0], values)
    layers = extract(path, model_name=name, layer=[0, 2])
    for number in (0, 2):
        check(layers[f"layer_{number}"], found.hidden_states[number][:, 0])


def test_a_joint_space_is_left_by_pool(clip, tmp_path):
    path, frames = clip
    model, processor = saved("siglip", tmp_path)
    with torch.inference_mode():
        expected = model.vision_model(pixel_values(processor, frames, "pixel_values")).last_hidden_state.mean(1)
    ours = extract(path, model_name=str(tmp_path), pool="mean")["transformers"]
    check(ours, expected)


@pytest.mark.parametrize(
    ("family", "flags", "message"),
    [
        ("vit", {"stack_size": 2}, "--stack_size 2: .* takes single frames; drop it"),
        ("timesformer", {"stack_size": 4}, "--stack_size 4: .* takes 3 frames at once"),
        ("vjepa2", {"stack_size": 3}, "--stack_size 3: .* takes multiples of 2 frames"),
        ("vjepa2", {"pool": "cls"}, "--pool cls: .* has no class token"),
        ("vjepa2", {"projected": True}, "--projected: .* has no space"),
        ("vjepa2", {"layer": [3]}, "--layer 3: .* has 2 layers"),
        ("vjepa2", {"hop_s": 1.0}, "takes pictures, not sound"),
        ("xclip", {"pool": "mean"}, "has only its projected vector"),
        ("xclip", {"stream": "video"}, "--stream: .* has one tower"),
        ("pe_audio_video", {}, "has a tower for pictures and one for sound; choose --stream video or --stream audio"),
        ("pe_audio_video", {"stream": "audio", "stack_size": 4}, "takes sound, not pictures"),
    ],
)
def test_what_a_family_does_not_have_is_refused(family, flags, message, tmp_path):
    save(family, tmp_path)
    with pytest.raises(UserError, match=message):
        make_extractor(TransformersConfig(str(tmp_path), **flags), {"transformers": None}, DEVICE)


def test_a_run_of_the_program(clip, tmp_path):
    model, processor = saved("videomae", tmp_path / "model")
    flags = ("--model_name", tmp_path / "model", "--layer", "1", "2", "--on_extraction", "save_numpy")
    flags += ("--precision", "float32", "--video_paths", clip[0], "--output_path", tmp_path)
    done = run("--feature_type", "transformers", *flags)
    assert done.returncode == 0, done.stderr
    found = arrays(tmp_path / "transformers")
    with torch.inference_mode():
        inputs = torch.cat([pixel_values(processor, clip[1][i : i + 4], "pixel_values") for i in (0, 4)])
        hidden = model.videomae(inputs, output_hidden_states=True).hidden_states
    for number in (1, 2):
        check(found[f"a_layer_{number}.npy"], hidden[number].mean(1))
