"""`python main.py estimate FLAGS`: what an extraction will take, measured on a sample of its list."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from utils.commands import cli
from utils.commands.estimate_report import Report
from utils.commands.extract import Planned
from utils.commands.parser import Parser
from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines.local import LocalEngine
from utils.engines.measure import Drawn, SampleProgress, measure
from utils.engines.spawn import WorkerStarter
from utils.errors import PROGRAM, Interrupted, RunError, UserError, printable
from utils.extractors.registry import Model
from utils.run.estimate import draw
from utils.run.list_sample import look_at
from utils.run.prepare import Requested

CANDIDATES = 1000  # videos whose headers are read
EXAMPLES = f"""\
example:
  {PROGRAM} estimate --feature_type i3d --video_list list.txt --output_path out --price_per_hour 2.5
"""


def show_estimate(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print what an extraction with these flags will take, and return the exit code.

    Raises:
        FeatmillError: as in the extraction itself, or time is up before anything is measured.
    """
    options, flags = parser().parse_known_args(list(arguments))
    config, configs = cli.parse(flags, models)
    try:
        report = estimated(config, configs, models, options)
    except Interrupted as stopped:
        print("stopped: nothing is estimated", file=sys.stderr)
        return stopped.exit_code
    if isinstance(report, int):
        print(json.dumps({"done": report, "to_do": 0}) if options.json else "every video is done already")
        return 0
    print(json.dumps(report.as_json(), indent=1) if options.json else printable(report.as_text()))
    return 0


def estimated(
    config: RunConfig, configs: Mapping[str, Config], models: Mapping[str, Model], options: argparse.Namespace
) -> Report | int:
    """Return what a run will take, by a sample; the number of videos done if there is no other.

    configs: by feature type. options: of this command.

    Raises:
        FeatmillError: as in `show_estimate`. Interrupted: Ctrl-C or SIGTERM.
    """
    if config.engine != "local":
        raise UserError(f"estimate measures this machine: give the flags without --engine {config.engine}")
    requested = {name: Requested(models[name], configs[name]) for name in configs}
    engine = LocalEngine(WorkerStarter())
    planned = Planned.of(config, requested, "estimate", engine)
    rng = np.random.default_rng(options.seed)
    progress = SampleProgress(None, config.quiet)
    most = options.sample if config.hf_dataset else CANDIDATES  # a data set's videos may be in memory
    if planned.device_note:
        progress.note(planned.device_note)
    todo = planned.todo(None)
    found = look_at(todo, most, options.time_limit / 3, planned.plan.limits, rng, progress)
    planned.inputs.check_any_found()
    if found is None:
        return todo.n_before
    sizes = found.listed.sizes
    drawn = [Drawn(found.tasks[i], float(sizes[i]), chance) for i, chance in draw(sizes, options.sample, rng)]
    progress = SampleProgress(len(drawn), config.quiet)
    measured = measure(planned.plan, drawn, options.time_limit, engine, progress)
    if not any(one.share for one in measured.sample):
        raise RunError(f"no frame of the sample was processed within --time_limit {options.time_limit:g} s: raise it")
    return Report(planned.plan, found.listed, measured, todo.n_before, options.price_per_hour)


def parser() -> Parser:
    """Return the parser of the flags that are not the run's."""
    parser = Parser(
        prog=f"{PROGRAM} estimate",
        usage=f"{PROGRAM} estimate FLAGS [--price_per_hour X] [--sample N] [--seed S] [--time_limit S] [--json]",
        description="Extract a sample of a list as these FLAGS would, into a temporary folder, and say what the whole "
        "list will take: time, money, bytes, memory, and what limits the speed. FLAGS are those of an extraction; "
        f"{PROGRAM} --help lists them. Nothing is written into the output folder, and what is done is not counted.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--price_per_hour", type=_positive, metavar="X", help="of one device, in any currency")
    parser.add_argument(
        "--sample", type=_count, default=30, metavar="N",
        help="videos to extract; longer and larger ones are drawn more often (default: 30)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw (default: 0)")
    parser.add_argument(
        "--time_limit", type=_positive, default=60.0, metavar="S",
        help="seconds after which no further video of the sample is started; after half as long again, unfinished "
        "ones are stopped, and count as far as they got (default: 60)",
    )  # fmt: skip
    parser.add_argument("--json", action=argparse.BooleanOptionalAction, default=False, help="as JSON, for programs")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value
