"""`main.py publish OUT hf://datasets/OWNER/NAME`: upload of saved features and their card to the Hugging Face hub."""

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from utils.commands.card import CARD, STATISTICS, write_card
from utils.commands.parser import Parser
from utils.config.words import counted
from utils.errors import PROGRAM, RunError, UserError, printable
from utils.extractors.registry import Model
from utils.sinks.lance_rows import DATA, SUFFIX
from utils.sinks.output import UP
from utils.state.feature_folders import feature_folders
from utils.state.manifest import FILE_NAME
from utils.storage.urls import is_url

ADDRESS = re.compile(r"hf://datasets/((?:[\w.-]+/)?[\w.-]+)/?")
SECRET = re.compile(  # tokens of the hub, of AWS, GitHub and Google, and private keys
    rb"\bhf_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bAIza[\w-]{35}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
FILES_PER_COMMIT = 500
SHOWN = 20


def publish(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Say what will be uploaded, and upload it unless --dry_run is given.

    Raises:
        UserError: the arguments are wrong, a file holds a secret, or access is denied. RunError: the upload failed.
    """
    options = _parser().parse_args(list(arguments))
    address = ADDRESS.fullmatch(options.address)
    if address is None:
        raise UserError(f"{options.address}: give hf://datasets/OWNER/NAME")
    if is_url(options.output) or not Path(options.output).is_dir():
        raise UserError(f"{options.output}: no such folder on this machine")
    root = Path(options.output)
    if not (root / CARD).exists():
        write_card(options.output, models)
    names, n_left_out = _files(options.output)
    _refuse_secrets(root, names)
    n_bytes = sum((root / name).stat().st_size for name in names)
    lines = [
        f"{counted(len(names), 'file')}, {n_bytes / 1e6:.1f} MB, to {options.address} ({_access(options.public)}):"
    ]
    lines += [f"  {name}" for name in names[:SHOWN]]
    lines += [f"  and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    lines += [f"left out: {counted(n_left_out, 'file')} that no run wrote, hidden ones and links"] if n_left_out else []
    lines.append("manifest.jsonl and run-*.json name the paths of the videos and of this machine")
    print(printable("\n".join(lines)))
    if options.dry_run:
        print("nothing was uploaded (--dry_run)")
        return 0
    url = _upload(root, names, address[1], options.public)
    print(printable(f"uploaded: {url}"))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} publish",
        description="Upload saved features to the Hugging Face hub: what runs wrote, and their card, which is made if "
        "there is none. It needs a login: hf auth login, or HF_TOKEN.",
    )
    parser.add_argument("output", metavar="OUT", help="the --output_path of runs, on this machine")
    parser.add_argument("address", metavar="hf://datasets/OWNER/NAME", help="a data set, made if there is none")
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--dry_run", action=switch, default=False, help="only say what would be uploaded")
    parser.add_argument("--public", action=switch, default=False, help="make a new data set public, not private")
    return parser


def _access(is_public: bool) -> str:
    return "public if it is new" if is_public else "private if it is new"


def _files(output: str) -> tuple[list[str], int]:
    """Return the files that runs wrote, relative to the folder, and how many others are there.

    Only what manifests mention, manifests, run files and the card: nothing that someone else put there.
    """
    root = Path(output)
    wanted = {CARD, STATISTICS}
    for folder, _, latest in feature_folders(output):
        place = Path(str(folder)).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        wanted.add(f"{prefix}{FILE_NAME}")
        wanted.update(f"{prefix}{name}" for name in folder.names("run-") if name.endswith(".json"))
        for line in latest:
            wanted.update(_name(prefix, output.file) for output in line.outputs)
            wanted.update([f"{prefix}{line.top_classes}"] if line.top_classes else [])
    present = set(_walk(root))
    data_sets = tuple({f"{name.partition(DATA)[0]}{SUFFIX}/" for name in wanted if DATA in name})
    wanted.update(name for name in present if data_sets and name.startswith(data_sets))  # Lance's own books, too
    return sorted(wanted & present), len(present - wanted) + sum(name not in present for name in wanted)


def _name(prefix: str, file: str) -> str:
    """Return an output's name relative to the folder; result files of shards are one folder above."""
    return file.removeprefix(UP) if file.startswith(UP) else f"{prefix}{file}"


def _walk(root: Path) -> Iterator[str]:
    """Yield the files below a folder; not hidden ones, nor what a link leads to."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if not name.startswith(".") and not path.is_symlink():
                yield path.relative_to(root).as_posix()


def _refuse_secrets(root: Path, names: Sequence[str]) -> None:
    """Raise UserError if a text among the files holds what looks like a token or a private key."""
    for name in names:
        if name.endswith((".json", ".jsonl", ".md")):
            with (root / name).open("rb") as file:
                for number, line in enumerate(file, 1):
                    if SECRET.search(line):
                        raise UserError(
                            f"{root / name}: line {number} holds what looks like a token or a key; nothing was uploaded"
                        )


def _upload(root: Path, names: Sequence[str], repository: str, is_public: bool) -> str:
    """Upload files in commits of some hundred, the card first; return the address of the data set."""
    try:
        from huggingface_hub import CommitOperationAdd, HfApi, errors
    except ImportError as error:
        raise UserError("publish needs the package huggingface_hub; install it") from error
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        url = api.create_repo(repository, repo_type="dataset", private=not is_public, exist_ok=True)
        ordered = sorted(names, key=lambda name: name != CARD)
        for start in range(0, len(ordered), FILES_PER_COMMIT):
            part = ordered[start : start + FILES_PER_COMMIT]
            print(f"uploading files {start + 1} to {start + len(part)} of {len(ordered)}", file=sys.stderr)
            operations = [CommitOperationAdd(name, str(root / name)) for name in part]
            api.create_commit(url.repo_id, operations, repo_type="dataset", commit_message="Features by Featmill")
    except errors.HFValidationError as error:
        raise UserError(f"hf://datasets/{repository}: {error}") from error
    except Exception as error:
        is_of_http = type(error).__module__.startswith("http")  # httpx or httpx2, by the version of huggingface_hub
        known = (
            errors.HfHubHTTPError,
            errors.LocalTokenNotFoundError,
            errors.OfflineModeIsEnabled,
            OSError,
            ValueError,
        )
        if not isinstance(error, known) and not is_of_http:
            raise
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403) or isinstance(error, errors.LocalTokenNotFoundError):
            remedy = "log in by hf auth login, or set HF_TOKEN"
            raise UserError(f"hf://datasets/{repository}: not allowed; {remedy}") from error
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RunError(f"hf://datasets/{repository}: {first}; the same command uploads what is missing") from error
    return str(url)
