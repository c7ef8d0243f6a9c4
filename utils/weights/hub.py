"""Files of the Hugging Face hub, by its own client: with the user's cache, login and mirrors."""

import os
from collections.abc import Sequence
from pathlib import Path

from utils.errors import UserError

HUB = "https://huggingface.co"


def at_endpoint(url: str) -> str:
    """Return where to download a file from: at HF_ENDPOINT, as the client does, if its address is the hub's."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url.removeprefix(HUB) if endpoint and url.startswith(f"{HUB}/") else url


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
    raise UserError(_refused(repository, reason) or _failed(repository, names, local_name, reason)) from reason


def hub_folder(repository: str, revision: str | None, patterns: Sequence[str], cached: bool = False) -> Path | None:
    """Return the client's folder of a repository at one commit, with the files that match `patterns`.

    The folder has the name of the commit. revision: branch, tag or commit; None for main. cached: look into the
    client's cache only, and return None if the repository is not there.

    Raises:
        UserError: the client is not installed, or the hub cannot be reached, has no such repository or revision, or
            refuses it.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import RevisionNotFoundError
    except ImportError as error:
        raise UserError(f"{HUB}/{repository}: the package huggingface_hub is needed; install it") from error
    try:
        return Path(
            snapshot_download(repository, revision=revision, allow_patterns=list(patterns), local_files_only=cached)
        )
    except RevisionNotFoundError as error:
        raise UserError(f"{HUB}/{repository}: has no branch, tag or commit {revision}") from error
    except (OSError, ValueError) as error:
        if cached:
            return None
        raise UserError(
            _refused(repository, error)
            or f"{HUB}/{repository} could not be downloaded ({_first_line(error)}). Without a network: on a connected "
            f"machine run `hf download {repository} --local-dir FOLDER`, copy the folder, and give its path instead"
        ) from error


def _refused(repository: str, reason: Exception | None) -> str | None:
    """Return what to do where the hub answered that it does not give the files, None for other reasons."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(reason, GatedRepoError):
        return f"{HUB}/{repository} is gated: accept its terms on that page, then log in by `hf auth login`"
    if isinstance(reason, RepositoryNotFoundError):
        return f"{HUB}/{repository}: no such repository, or it is private: log in by `hf auth login`"
    if getattr(getattr(reason, "response", None), "status_code", None) in (401, 403):
        return f"{HUB}/{repository}: refused to this login ({_first_line(reason)}); log in again by `hf auth login`"
    return None


def _failed(repository: str, names: Sequence[str], local_name: str, reason: Exception | None) -> str:
    return (
        f"{names[0]} could not be downloaded from {HUB}/{repository} ({_first_line(reason)}). Without a network: "
        "download the file on a connected machine, and give its path with --checkpoint or put it into the folder of "
        f"--weights_dir as {local_name}; or test the installation with `--weights random`"
    )


def _first_line(error: Exception | None) -> str:
    return str(error).strip().split("\n")[0][:300]
