"""Featmill: videos in, feature arrays out. `python main.py --help` says how."""

import contextlib
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from utils.errors import FeatmillError, RunError, UserError, printable

if TYPE_CHECKING:
    from utils.config.run import RunConfig
    from utils.engines.base import Engine
    from utils.weights.pretrained import Needed


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (see utils/errors.py).

    Standard streams that fail do not stop it; what a caller prints later is up to the caller.
    """
    from utils.commands.streams import tolerant  # here, since each worker process imports this file too
    from utils.engines.environment import end_if_worker

    end_if_worker()
    with tolerant():
        return _main(arguments)


def _main(arguments: Sequence[str]) -> int:
    try:
        from models import MODELS

        if arguments and (arguments[0] == "--version" or not arguments[0].startswith("-")):
            return _run_command(arguments[0].removeprefix("--"), arguments[1:])
        from utils.commands import cli

        config, configs = cli.parse(arguments, MODELS)
        with _engine(config, {name: MODELS[name].needs(configs[name]) for name in configs}) as engine:
            from utils.commands.extract import extract
            from utils.run.prepare import Requested

            requested = {name: Requested(MODELS[name], configs[name]) for name in configs}
            return extract(config, requested, engine, arguments)
    except FeatmillError as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        from utils.storage.files import unhandled

        failure = unhandled(error)
        print(printable(f"error: {failure}"), file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("stopped; run the same command again to resume", file=sys.stderr)
        return 128 + signal.SIGINT


@contextlib.contextmanager
def _engine(config: "RunConfig", needs: "Mapping[str, Mapping[str, Needed]]") -> "Generator[Engine, None, None]":
    """Yield what runs the workers. needs: checkpoints by feature type and name."""
    if config.engine == "ray":
        from utils.engines.ray import RayEngine

        with RayEngine(config, needs) as engine:
            yield engine
        return
    from utils.engines.spawn import WorkerStarter

    with WorkerStarter() as starter:  # the first worker imports PyTorch while this process imports the rest
        from utils.engines.local import LocalEngine

        yield LocalEngine(starter)


def _run_command(name: str, arguments: Sequence[str]) -> int:
    """Run another command than the extraction, and return its exit code."""
    from models import MODELS

    if name == "models":
        from utils.commands.models import show_models

        return show_models(arguments, MODELS)
    if name == "weights":
        from utils.commands.weights import fetch_weights

        return fetch_weights(arguments, MODELS)
    if name == "text":
        from utils.commands.text import show_text

        return show_text(arguments, MODELS)
    if name == "recipes":
        from utils.commands.recipes import show_recipes

        return show_recipes(arguments)
    if name == "submit":
        from utils.commands.submit import submit

        return submit(arguments, MODELS)
    if name == "estimate":
        from utils.commands.estimate import show_estimate

        return show_estimate(arguments, MODELS)
    return _command_on_outputs(name, arguments)


def _command_on_outputs(name: str, arguments: Sequence[str]) -> int:
    """Run a command on an output folder, and return its exit code."""
    from models import MODELS

    if name == "status":
        from utils.commands.status import show_status

        return show_status(arguments)
    if name == "compare":
        from utils.commands.compare import compare

        return compare(arguments, MODELS)
    if name == "search":
        from utils.commands.search import search

        return search(arguments, MODELS)
    if name == "card":
        from utils.commands.card import show_card

        return show_card(arguments, MODELS)
    if name == "publish":
        from utils.commands.publish import publish

        return publish(arguments, MODELS)
    if name == "view":
        from utils.commands.view import view

        return view(arguments, MODELS)
    return _tell(name, arguments)


def _tell(name: str, arguments: Sequence[str]) -> int:
    """Answer `help` and `version`. Raises UserError: there is no such command."""
    from models import MODELS

    if name == "help":
        words = [word for word in arguments if word not in ("help", "--help", "-h")]
        with contextlib.suppress(SystemExit):  # argparse ends so; whether all was written is still to be looked at
            return main([*(["--feature_type"] if words and words[0] in MODELS else []), *words, "--help"])
        return 0
    if name == "version":
        from utils.state.run_file import VERSION

        print(f"featmill {VERSION}")
        return 0
    from utils.commands.hints import wrong_command

    raise UserError(wrong_command(name, MODELS))


def run() -> None:
    """Run the command of this process's arguments, and end with its exit code."""
    from utils.commands.streams import guard, settle

    guard()
    exit_code = main(sys.argv[1:])
    is_command = not "".join(sys.argv[1:2]).startswith("-")  # what it prints is all that it does
    if not settle() and is_command and not exit_code:
        print("error: standard output could not be written", file=sys.stderr)
        exit_code = RunError.exit_code
    sys.exit(exit_code)


if __name__ == "__main__":
    run()
