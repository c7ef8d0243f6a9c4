"""The Ray cluster of a run: connecting, what workers ask it for, and whether its nodes see what they need."""

import importlib
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.config.run import RunConfig
from utils.config.words import counted
from utils.engines.devices import decode_threads
from utils.engines.ray_node import Order, problem_here
from utils.errors import PROGRAM, UserError
from utils.run.prepare import Resources

REACH_S = 20.0  # for the address of a cluster to answer
CHECK_S = 600.0  # for a node to fetch the checkpoints and say what it sees
SHOWN = 5  # problems of nodes in one message
MOST_CPUS = 4  # of a worker without a GPU, where the user does not say

NodeResources = Mapping[str, float]


@dataclass(frozen=True)
class Share:
    """What each worker asks the cluster for."""

    cpus: int
    gpus: float

    def fits(self, node: NodeResources) -> int:
        """Return how many workers a node has room for."""
        room = int(node.get("CPU", 0) // self.cpus)
        return min(room, int(node.get("GPU", 0) / self.gpus + 1e-9)) if self.gpus else room

    def __str__(self) -> str:
        gpus = f" and {counted(self.gpus, 'GPU')}" if self.gpus else ""
        return f"{counted(self.cpus, 'CPU')}{gpus}"


def load() -> Any:
    """Return the package ray, with its usage statistics off unless the user turned them on.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # a run under `uv run` would install the project anew on each node, without what it imports here
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_SCHEDULER_EVENTS", "0")  # Ray prints them to standard output, as features may be
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UserError('--engine ray needs Ray: pip install "ray[default]>=2.50"') from error


def connect(ray: Any, address: str) -> None:
    """Connect to a cluster, whose nodes get this program's code.

    Raises:
        UserError: there is no cluster at the address, it asks for another token, or has another Ray or Python.
    """
    root = Path(__file__).parents[2]
    code = [root] if PROGRAM == "featmill" else [root / "utils", root / "models"]
    environment = {"py_modules": [str(folder) for folder in code], "excludes": ["**/__pycache__", "**/checkpoints"]}
    try:
        _check_reachable(ray, address)
        ray.init(address=address, runtime_env=environment, logging_level="warning")
    except Exception as error:
        if "AuthenticationError" in f"{error!r} {error.__context__!r}":
            raise UserError(
                f"--ray_address {address}: the Ray cluster asks for a token, and this machine has none or another one; "
                "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a copy of ~/.ray/auth_token of the head"
            ) from error
        if str(error).startswith("Version mismatch"):  # of Ray or Python: several lines, which belong together
            raise UserError(f"--ray_address {address}: {' '.join(str(error).split())}") from error
        if not isinstance(error, (OSError, ValueError, RuntimeError, ray.exceptions.RayError)):
            raise
        raise UserError(
            f"--ray_address {address}: no Ray cluster ({_last_line(error)}); start one with `ray start --head`, "
            "or give the address of one"
        ) from error


def _check_reachable(ray: Any, address: str) -> None:
    """Raise an error if nothing at HOST:PORT takes this machine's connection or token: Ray itself would try on and on.

    Other addresses are left to Ray, and so is a token that is asked for and not there.
    """
    known = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    host, _, port = known.rpartition(":")
    if "/" in known or not host or not port.isdecimal():
        return
    socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    if address == "auto":  # with it, Ray looks for a token itself
        return
    # Ray aborts where it is to show a token and has none; asked for one that it need not show, it demands it of others
    if os.environ.get("RAY_AUTH_MODE") != "token" or ray._raylet.AuthenticationTokenLoader.instance().has_token():
        ray._raylet.GcsClient(address=known)


def share_of(run: RunConfig, nodes: Sequence[NodeResources]) -> Share:
    """Return what each worker asks for; CPUs of a GPU's worker are its part of what nodes with GPUs have.

    Raises:
        UserError: GPUs are asked for and no node has any. There may be no node yet, where a cluster scales from none.
    """
    with_gpus = [node for node in nodes if node.get("GPU")]
    if run.device == "cuda" and not with_gpus:
        if any(node.get("CPU") for node in nodes):
            raise UserError("--device cuda: no node of the Ray cluster has a GPU; use --device cpu")
        return Share(run.cpus_per_worker or 1, run.gpus_per_worker)
    if run.device == "cpu" or not with_gpus:
        cpus = min((int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1), default=1)
        return Share(run.cpus_per_worker or min(MOST_CPUS, cpus), 0)
    each = min(node.get("CPU", 1) / node["GPU"] for node in with_gpus)
    return Share(run.cpus_per_worker or max(1, int(each * run.gpus_per_worker)), run.gpus_per_worker)


def resources(run: RunConfig, share: Share, nodes: Sequence[NodeResources]) -> tuple[Resources, str]:
    """Return what the workers run on, and a line about it.

    Raises:
        UserError: fewer workers are allowed than must run.
    """
    n_workers = run.num_workers or max(run.min_workers, sum(map(share.fits, nodes)))
    if n_workers < run.min_workers:
        raise UserError(f"--min_workers {run.min_workers} is more than --num_workers {n_workers}")
    names = ("cuda:0" if share.gpus else "cpu",) * n_workers  # Ray shows each worker its own GPUs alone
    cluster = f"Ray cluster of {counted(len(nodes), 'node')} with {_total(nodes)}"
    return (
        Resources(names, share.cpus, decode_threads(run, names, share.cpus)),
        f"{cluster}: up to {counted(n_workers, 'worker')} of {share} each",
    )


def nodes_of(ray: Any) -> list[NodeResources]:
    """Return the resources of each node that is there."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def name_of(node: Mapping[str, Any]) -> str:
    """Return how messages name a node that Ray lists."""
    return f"Ray node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def lacking(ray: Any, n_waiting: int, share: Share) -> str:
    """Return what is said of workers that find no room."""
    free: NodeResources = ray.available_resources()
    return (
        f"the Ray cluster has no room for {n_waiting} of the workers: each asks for {share}; it has "
        f"{_total(nodes_of(ray))}, of which {_total([free])} are free"
    )


def _total(nodes: Sequence[NodeResources]) -> str:
    cpus, gpus = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
    return f"{counted(cpus, 'CPU')} and {counted(gpus, 'GPU')}"


def check_nodes(ray: Any, order: Order, paths: Sequence[str], share: Share) -> None:
    """Have each node that has room for a worker fetch the checkpoints, and look for outputs and videos.

    paths: of videos that the main process sees.

    Raises:
        UserError: a node does not see them, named in the message.
    """
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    task = ray.remote(num_cpus=0, max_retries=0)(problem_here)
    asked = {
        task.options(scheduling_strategy=strategy(node["NodeID"], soft=False)).remote(order, paths): node
        for node in ray.nodes()
        if node["Alive"] and share.fits(node["Resources"])
    }
    if not asked:
        return
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=CHECK_S)
    problems: list[str] = []
    for ref, node in asked.items():
        problem = _answer(ray, ref) if ref in answered else f"did not answer within {CHECK_S:g} s"
        if problem:
            problems.append(f"{name_of(node)}: {problem}")
    if problems:
        more = f"\nand {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise UserError("\n".join(problems[:SHOWN]) + more)


def _answer(ray: Any, ref: Any) -> str:
    try:
        return ray.get(ref)
    except (ray.exceptions.NodeDiedError, ray.exceptions.TaskUnschedulableError):
        return ""  # the node is gone, and the run continues without it
    except ray.exceptions.RayError as error:
        return cause_of(error)


def is_of_node(ray: Any, error: Exception) -> bool:
    """Return whether a whole node is lost, or cannot be reached."""
    return isinstance(error, ray.exceptions.ActorUnavailableError) or "node has died" in str(error)


def cause_of(error: Exception) -> str:
    """Return one line of Ray's error about an actor or a task: the exception's own, or how the process ended."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    address = re.search(r"\bip[:=] ?([\w.:]+)", str(error))
    where = f" on Ray node {address[1]}" if address else ""
    if "temporarily unavailable" in str(error):  # its node may be lost, and Ray has not noticed yet
        return f"was lost{where} (it cannot be reached)"
    how = next((line for line in lines if line.startswith("The actor is dead")), lines[-1] if lines else repr(error))
    how = how.split(" Some common causes include", 1)[0].removeprefix("The actor is dead because ").rstrip(".")
    return f"was lost{where} ({how})"


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
