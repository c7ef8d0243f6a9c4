"""Files of the Hugging Face hub, by its own client: with the user's cache, login and mirrors."""

from collections.abc import Sequence
from pathlib import Path

from utils.errors import UserError

HUB = "https://huggingface.co"


def hub_file(repository: str, names: Sequence[str], local_name: str) -> Path:
    """Return the first of the files `names` that a repository has, from the client's cache or downloaded.

    local_name: of the file in --weights_dir, for the message.

    Raises:
        UserError: the client is not installed, or the hub cannot be reached, or does not send the file.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise UserError(f"{HUB}/{repository}: the package huggingface_hub is needed; install it") from error
    for name in names:  # a cached file needs no network
        try:
            return Path(hf_hub_download(repository, name, local_files_only=True))
        except OSError:
            continue
    reason: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(repository, name))
        except LocalEntryNotFoundError as error:  # the hub cannot be reached
            reason = error
            break
        except EntryNotFoundError as error:
            reason = error
        except OSError as error:  # refused, gated, or interrupted
            reason = error
            break
    raise UserError(_failed(repository, names, local_name, reason)) from reason


def _failed(repository: str, names: Sequence[str], local_name: str, reason: Exception | None) -> str:
    first_line = str(reason).strip().split("\n")[0][:300]
    return (
        f"{names[0]} could not be downloaded from {HUB}/{repository} ({first_line}). Without a network: download the "
        "file on a connected machine, and give its path with --checkpoint or put it into the folder of --weights_dir "
        f"as {local_name}; or test the installation with `--weights random`"
    )
