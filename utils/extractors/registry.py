"""The entry of a feature type, which imports none of its code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict

from utils.config.schema import Config
from utils.weights.pretrained import Needed, Published

if TYPE_CHECKING:
    from utils.extractors.base import AnyExtractor


class NetworkFacts(TypedDict, total=False):
    """One network. What is not known is absent.

    dimension: numbers per row, None for fields of the frame's size. parameters: of the network as it is run.
    gflop: work per row, two per multiply-add. memory_mib: peak of a process that computes a row in float32 on a CPU.
    """

    dimension: int | None
    parameters: int
    gflop: float
    memory_mib: int


class Facts(TypedDict, total=False):
    """What is known of a feature type: its entry in models/facts.json.

    row: what a row is computed from. networks: by name, the default first. hub: the repository of its weights on the
    Hugging Face hub. golden_error: the largest relative L2 error of its features against golden_reference, with random
    weights; None where a test compares with the library itself.
    """

    row: str
    networks: dict[str, NetworkFacts]
    hub: str
    golden_error: float | None
    golden_reference: str


@dataclass(frozen=True)
class Model:
    """One feature type: where its parts are, and what a user reads about it.

    config, extractor: dotted paths of classes, "package.module:Class"; of the extractor, also of a function that makes
        one.
    pretrained: dotted path of the module with FILES, all published files, the default ones first, and needs(config),
        the files that a configuration uses. Like config, it imports no torch. Where the configuration decides, it has
        media(config), outputs(config), and settings(config), more of what decides the features.
    text: dotted path of a function that loads the network for text, of types whose rows are in a space shared with
        text; "" of others. Where the configuration decides, pretrained has no_text(config);
        and where settings are not flags, flags_of(settings).
    outputs: key → shape of the saved array.
    tf32_error: relative error of the features with convolutions in TF32, by `benchmarks.tf32`.
    media: "visual" or "audio": the list of `save_shards`' files that its features are in.
    """

    config: str
    extractor: str
    pretrained: str
    summary: str
    outputs: dict[str, str]
    tf32_error: float = 0.0
    media: str = "visual"
    text: str = ""
    facts: Facts = field(default_factory=Facts)

    def config_class(self) -> type[Config]:
        """Return the dataclass of its settings; imports no torch."""
        return load_object(self.config)

    def files(self) -> tuple[Published, ...]:
        """Return every published file that it can use, the default ones first."""
        return _module(self.pretrained).FILES

    def needs(self, config: Config) -> dict[str, Needed]:
        """Return the files that a configuration uses, by the names that the extractor knows them by."""
        return _module(self.pretrained).needs(config)

    def media_of(self, config: Config) -> str:
        """Return what a configuration's network takes, "visual" or "audio"."""
        choose = getattr(_module(self.pretrained), "media", None)
        return choose(config) if choose else self.media

    def no_text(self, config: Config) -> str:
        """Return why the rows of a configuration are in no space shared with text; "" if they are."""
        find = getattr(_module(self.pretrained), "no_text", None)
        return find(config) if find else ""

    def flags_of(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the flags that give the settings of a run, as `run/settings.py` records them."""
        find = getattr(_module(self.pretrained), "flags_of", None)
        return find(settings) if find else settings

    def outputs_of(self, config: Config) -> dict[str, str]:
        """Return the shapes that a configuration gives, by key."""
        find = getattr(_module(self.pretrained), "outputs", None)
        return find(config) if find else self.outputs

    def more_settings(self, config: Config) -> dict[str, Any]:
        """Return what decides the features of a configuration, beside its flags and weights."""
        find = getattr(_module(self.pretrained), "settings", None)
        return find(config) if find else {}


def load_object(dotted: str) -> Any:
    """Return what "package.module:name" names, after importing the module."""
    module, name = dotted.split(":")
    return getattr(_module(module), name)


def _module(dotted: str) -> ModuleType:
    """Import a module of this program, which an installation has inside another package."""
    return import_module(__name__.removesuffix("utils.extractors.registry") + dotted)


def load_extractor(dotted: str) -> "type[AnyExtractor]":
    """Return an extractor class, "package.module:Class". Imports torch and the libraries of its network."""
    return load_object(dotted)
