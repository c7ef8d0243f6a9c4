"""Parameters, work and memory of the networks in models/facts.json, measured again.

    python -m benchmarks.facts [TYPE ...]

Changes only what it measures: parameters; GFLOP per row, two per multiply-add, of the network as published; peak
memory in MiB of a process that computes one row in float32 on a CPU. The rest is written by hand: golden errors are the
largest of a type's golden cases, and the figures of networks with gigabytes of weights are those of their publications.
Those of `transformers` are of a usual model of each family, without memory; see benchmarks/families.py. Their licences
are what the repositories' pages on the hub are tagged with.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import families
from benchmarks.networks import in_a_process

FILE = Path(__file__).parent.parent / "models" / "facts.json"
SUBJECTS = {  # feature type → network in models/facts.json → network of benchmarks.networks
    "i3d": {"rgb": "i3d_rgb", "flow": "i3d_flow"},
    "vggish": {"VGGish": "vggish"},
    "panns": {"CNN14": "panns"},
    "r21d": {"r2plus1d_18": "r21d", "r2plus1d_34": "r21d_34"},
    "s3d": {"kinetics": "s3d", "howto100m": "s3d_howto100m"},
    "pwc": {"PWC-Net": "pwc"},
    "raft": {"RAFT": "raft"},
    "tvl1": {"TV-L1": "tvl1"},
    "tsn": {"ResNet-50": "tsn"},
    "slowonly": {"SlowOnly-R50": "slowonly"},
    "i3d_r50": {"non_local": "i3d_r50", "baseline": "i3d_r50_baseline"},
    "swin": {"Swin-T": "swin"},
    "slowfast": {"R50": "slowfast", "R101": "slowfast_r101"},
    "videomae": {"vit_base_patch16_224": "videomae", "vit_small_patch16_224": "videomae_s"},
    "internvideo2": {"B14_ft_k710_f8": "internvideo2", "S14_ft_k710_f8": "internvideo2_s14"},
    "clip": {"ViT-B/32": "clip", "ViT-L/14": "clip_l14"},
    "resnet": {"resnet50": "resnet50", "resnet18": "resnet18"},
}


def figures(subject: str) -> dict[str, Any]:
    """Return what is measured of one network."""
    row = in_a_process(subject, "cpu", "float32", batch=1, compiled=False, repeats=1)
    return {"parameters": row["parameters"], "gflop": row["gflop"], "memory_mib": row["peak_memory_mib"]}


def main() -> None:
    """Measure and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*SUBJECTS, "transformers"]
    parser.add_argument("types", metavar="TYPE", nargs="*", help=f"of {', '.join(known)}; all of them by default")
    facts = json.loads(FILE.read_text())
    for name in parser.parse_args().types or known:
        if name == "transformers":
            networks = facts[name]["networks"]
            for of, usual in families.USUAL.items():
                key = f"{of}: {usual[0]}"
                networks[key] = networks.get(key, {}) | families.figures(of)
            continue
        for network, subject in SUBJECTS[name].items():
            facts[name]["networks"][network] |= figures(subject)
            print(name, network, facts[name]["networks"][network], flush=True)
    FILE.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
