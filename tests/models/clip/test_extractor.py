import zlib
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from support.device import DEVICE, TOLERANCE
from support.golden import case, moving_frames, relative_error
from support.prepared import prepared
from support.program import ROOT
from support.recipes import golden_rows
from torchvision.transforms import functional as tv

from models.clip.config import OPENAI_MODELS, CLIPConfig
from models.clip.extractor import CLIPExtractor
from models.clip.pretrained import FILES, _candidates, needs
from models.clip.tower import build_tower, image_input
from utils.config.recipe import read_recipe
from utils.errors import UserError
from utils.extractors.base import VideoStreamInfo
from utils.weights.pretrained import LibraryCheckpoint
from utils.worker.window_builder import WindowBuilder

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def images(meta):
    for image in meta["input"]["images"]:
        frames = moving_frames(image["seed"], 1, image["height"], image["width"])
        assert zlib.crc32(frames.tobytes()) == image["crc32"]
        yield torch.from_numpy(frames)


def extractor(path, **settings):
    return CLIPExtractor(CLIPConfig(**settings), {"clip": path}, DEVICE)


def test_preprocessing_equals_the_reference():
    arrays, meta = case("clip", "case_preprocess")
    with torch.device("meta"):
        tower = build_tower("ViT-B-32", "openai")
    image = image_input(tower, "ViT-B-32", "openai")
    for i, frame in enumerate(images(meta)):
        crop = image.crops(frame)
        np.testing.assert_array_equal(crop[0], arrays[f"output_crop_{i}"])
        network_input = image.normalized(crop)[0, :, ::8, ::8]
        assert relative_error(network_input, arrays[f"output_tensor_{i}"]) < 1e-6


@pytest.mark.parametrize(("model_name", "file"), [("ViT-B/32", "ViT-B-32"), ("RN50", "RN50")])
def test_embeddings_equal_the_reference(clip_files, model_name, file):
    arrays, meta = case("clip", f"case_embed_{file}")
    clip = extractor(clip_files(file), model_name=model_name)
    noise = np.random.default_rng(meta["input"]["noise"]["seed"]).normal(0, 1, (2, 3, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        frames = torch.cat([clip.prepare(frame.to(DEVICE)) for frame in images(meta)])
        assert relative_error(clip.forward({"frame": frames})["clip"], arrays["output_image"]) < TOLERANCE
        assert relative_error(clip.network(torch.from_numpy(noise).to(DEVICE)), arrays["output_noise"]) < TOLERANCE


@pytest.mark.bits
def test_a_frame_does_not_depend_on_its_batch():
    clip = extractor(None, model_name="ViT-S-32")
    frames = torch.randint(0, 256, (8, 224, 224, 3), dtype=torch.uint8)
    with torch.inference_mode():
        rows = clip.outputs({"frame": frames})["clip"]
        for n in (1, 2, 3, 5):
            assert torch.equal(clip.outputs({"frame": frames[:n]})["clip"], rows[:n])


def test_clips_equal_the_reference(clip_files):
    arrays, meta = case("clip", "case_per_clip")
    frames = moving_frames(meta["input"]["seed"], 11, 96, 128)
    assert zlib.crc32(frames.tobytes()) == meta["input"]["crc32"]
    clip = extractor(clip_files("ViT-B-32"), clip_len=2.0)
    info = VideoStreamInfo(meta["input"]["fps"], 96, 128)
    builder = WindowBuilder(clip, clip.sampling(info))
    with torch.inference_mode():
        cuts = list(builder.push(clip.prepare(torch.from_numpy(frames).to(DEVICE)), np.arange(11) / 2.5))
        assert list(builder.finish()) == []
        batch = {"clip": torch.cat([cut.inputs["clip"] for cut in cuts])}
        assert batch["clip"].shape == (2, 5, 224, 224, 3)
        rows = clip.forward(batch)["clip"]
        clip.config = CLIPConfig(clip_len=2.0, normalize=True)
        unit = clip.forward(batch)["clip"]
    assert relative_error(rows, arrays["output_features"]) < TOLERANCE
    assert relative_error(unit, rows / rows.norm(dim=1, keepdim=True)) < 1e-6
    assert clip.no_windows(4, info).reason == "4 frames, fewer than the 5 of one clip; use a smaller --clip_len"


class WithoutNetwork(CLIPExtractor):
    """Prepares frames."""

    def load(self):
        with torch.device("meta"):
            tower = build_tower(*self.config.open_clip_name)
        self.set_image(image_input(tower, *self.config.open_clip_name))


@pytest.mark.parametrize(("recipe", "name"), [("qvhighlights", "case_clip"), ("clip_l14_1fps", "case")])
def test_recipes_equal_the_reference(clip_files, recipe, name):
    clip = WithoutNetwork(CLIPConfig(**read_recipe(recipe).flags["clip"]), {}, DEVICE)
    for sample in ("pan", "shapes"):
        expected, meta = case(recipe, f"{name}_{sample}")
        frames, _ = prepared(clip, ROOT / "sample" / meta["sample"])
        assert relative_error(clip.image.normalized(frames)[..., ::16, ::16], expected["output_input"]) < 1e-6
    if recipe == "qvhighlights":
        with torch.inference_mode():
            rows = extractor(clip_files("ViT-B-32")).forward({"frame": frames.to(DEVICE)})["clip"]
        assert relative_error(rows, expected["output_features"]) < 3e-4  # of which its float16 is 2e-4
        assert clip.view.faster_if_short


def test_ten_crops_equal_those_of_vadclip(tmp_path):
    ours, theirs, meta = golden_rows("vadclip", "case_ten_crops", tmp_path)  # whose weights were rounded twice
    assert relative_error(ours, theirs) < meta["tolerance"]


class Pooled(torch.nn.Module):
    """Stands in for a tower: means of parts of its input."""

    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 7).flatten(1)


def test_ten_crops_are_those_of_pillow_and_torchvision():
    clip = WithoutNetwork(CLIPConfig(crop_type="10-crop", resize="squash:340x256"), {}, DEVICE)
    clip.network = Pooled()
    frames = moving_frames(0, 2, 96, 128)
    builder = WindowBuilder(clip, clip.sampling(VideoStreamInfo(25.0, 96, 128)))
    with torch.inference_mode():
        (windows,) = builder.push(clip.prepare(torch.from_numpy(frames).to(DEVICE)), np.arange(2) / 25)
        rows = clip.outputs(windows.inputs)["clip"].cpu()
    squashed = [Image.fromarray(frame).resize((340, 256), Image.Resampling.BICUBIC) for frame in frames]
    views = (
        torch.stack(
            tv.ten_crop(torch.from_numpy(np.stack([*map(np.asarray, squashed)])).permute(0, 3, 1, 2), [224, 224]), 1
        )
        / 255
    )
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    expected = Pooled()(((views - mean) / std).flatten(0, 1)).unflatten(0, (2, 10))
    assert rows.shape == (2, 10, 147)
    assert relative_error(rows, expected) < 1e-6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model_name": "ViT-B-99", "pretrained": "openai"}, ["ViT-B-99", "no weights", "did you mean"]),
        ({"model_name": "ViT-B-32"}, ["--pretrained must be one of its tags", "laion2b_s34b_b79k"]),
        ({"model_name": "ViT-B/32", "pretrained": "webli"}, ["webli is not one of its tags", "openai"]),
    ],
)
def test_wrong_names_of_weights_are_explained(settings, words):
    with pytest.raises(UserError) as caught:
        cast(LibraryCheckpoint, needs(CLIPConfig(**settings))["clip"].published).fetch()
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "ViT-B-32.pt"),
        ({"model_name": "ViT-L/14@336px"}, "ViT-L-14-336px.pt"),
        ({"model_name": "ViT-L-14-336", "pretrained": "openai"}, "ViT-L-14-336px.pt"),
        ({"model_name": "ViT-B-16-quickgelu", "pretrained": "openai"}, "ViT-B-16.pt"),
        ({"model_name": "ViT-B-16-SigLIP2", "pretrained": "webli"}, "ViT-B-16-SigLIP2.webli.safetensors"),
        ({"model_name": "ViT-B/32", "pretrained": "laion2b_e16"}, "ViT-B-32.laion2b_e16.safetensors"),
    ],
)
def test_each_configuration_names_its_file(settings, name):
    assert needs(CLIPConfig(**settings))["clip"].published.name == name


def test_published_files_are_all_there():
    assert [file.name for file in FILES][:2] == ["ViT-B-32.pt", "ViT-B-16.pt"]
    assert len({file.sha256 for file in FILES}) == len(OPENAI_MODELS) == 9
    assert all(file.sha256 and file.sha256 in file.url and len(file.sha256) == 64 for file in FILES)
    assert _candidates("open_clip_pytorch_model.bin")[0] == "open_clip_model.safetensors"
    assert _candidates("pytorch_model.bin") == ["pytorch_model.safetensors", "pytorch_model.bin"]
    assert _candidates("model.safetensors") == ["model.safetensors"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clip_len": 0.0}, "--clip_len is 0.0"),
        ({"clip_len": 2.0, "extraction_total": 3}, "--clip_len and --extraction_total exclude"),
        ({"extraction_fps": 2.0, "extraction_total": 3}, "--extraction_fps and --extraction_total exclude"),
        ({"extraction_total": 0}, "--extraction_total is 0"),
        ({"model_name": ""}, "--model_name is empty"),
    ],
)
def test_settings_that_cannot_work(settings, words):
    with pytest.raises(UserError, match=words):
        CLIPConfig(**settings)
