"""The published files of CLIP, and those that a configuration needs. Imports no torch."""

from functools import partial
from pathlib import Path

from models.clip.config import OPENAI_MODELS, CLIPConfig
from utils.weights.hub import hub_file
from utils.weights.pretrained import LibraryCheckpoint, Needed, Published

FOLDER = "https://openaipublic.azureedge.net/clip/models"
PAGE = "https://github.com/openai/CLIP"
LICENCE = "MIT; OpenAI's model card calls any deployed use out of scope"
HUB_LICENCE = "each model's own: see its card on the Hugging Face hub"
HUB_PAGE = "https://huggingface.co/models?library=open_clip"
HUB_DEFAULT = "open_clip_pytorch_model.bin"
HUB_DEFAULT_SAFE = "open_clip_model.safetensors"

SHA256 = {
    "ViT-B-32.pt": "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    "ViT-B-16.pt": "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
    "ViT-L-14.pt": "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    "ViT-L-14-336px.pt": "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
    "RN50.pt": "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    "RN101.pt": "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
    "RN50x4.pt": "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
    "RN50x16.pt": "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
    "RN50x64.pt": "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
}
MEGABYTES = {
    "ViT-B-32.pt": 354,
    "ViT-B-16.pt": 351,
    "ViT-L-14.pt": 933,
    "ViT-L-14-336px.pt": 934,
    "RN50.pt": 256,
    "RN101.pt": 292,
    "RN50x4.pt": 422,
    "RN50x16.pt": 661,
    "RN50x64.pt": 1320,
}
OPENAI_FILES = {name: f"{name.replace('/', '-').replace('@', '-')}.pt" for name in OPENAI_MODELS}
BY_MODEL = {
    name: Published(
        file, f"{FOLDER}/{SHA256[file]}/{file}", LICENCE, PAGE, sha256=SHA256[file], megabytes=MEGABYTES[file]
    )
    for name, file in OPENAI_FILES.items()
}
FILES = tuple(BY_MODEL.values())


def needs(config: CLIPConfig) -> dict[str, Needed]:
    """Return OpenAI's file, or the one in open_clip's table for this network and tag."""
    if config.openai_name:
        return {"clip": Needed(BY_MODEL[config.openai_name], config.checkpoint)}
    model_name, tag = config.open_clip_name
    name = f"{model_name}.{tag}.safetensors"
    weights = LibraryCheckpoint(name, HUB_LICENCE, HUB_PAGE, partial(_fetch, model_name, tag, name))
    return {"clip": Needed(weights, config.checkpoint)}


def _fetch(model_name: str, tag: str | None, local_name: str) -> Path:
    """Return the file in open_clip's table for a network and a tag, downloaded if needed.

    Raises:
        UserError: open_clip is not installed or has no such network or tag, or the file cannot be downloaded.
    """
    from models.clip.tower import weights_entry

    entry = weights_entry(model_name, tag)
    repository, _, file = entry["hf_hub"].rpartition("/")
    return hub_file(repository, _candidates(file or HUB_DEFAULT), local_name)


def _candidates(file: str) -> list[str]:
    """Return the names to look for in a repository, in this order: the same tensors may be there as safetensors."""
    if file == HUB_DEFAULT:
        return [HUB_DEFAULT_SAFE, file]
    stem, dot, suffix = file.rpartition(".")
    return [f"{stem}.safetensors", file] if dot and suffix in ("bin", "pth") else [file]
