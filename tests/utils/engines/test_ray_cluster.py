import socket
from types import SimpleNamespace

import pytest

from utils.config.run import RunConfig
from utils.engines import ray_cluster
from utils.engines.ray_cluster import Share, cause_of, resources, share_of
from utils.errors import UserError

HEAD = {"CPU": 8.0}
WITH_GPUS = {"CPU": 32.0, "GPU": 4.0}


@pytest.mark.parametrize(
    ("flags", "nodes", "share", "n_workers"),
    [
        ({}, [{"CPU": 2.0}, HEAD], Share(2, 0), 5),
        ({"cpus_per_worker": 3}, [HEAD, HEAD], Share(3, 0), 4),
        ({}, [HEAD, WITH_GPUS], Share(8, 1.0), 4),
        ({"gpus_per_worker": 0.5}, [WITH_GPUS], Share(4, 0.5), 8),
        ({"device": "cpu", "cpus_per_worker": 4}, [HEAD, WITH_GPUS], Share(4, 0), 10),
        ({"num_workers": 99}, [HEAD], Share(4, 0), 99),  # nodes may come
        ({"min_workers": 3}, [], Share(1, 0), 3),
        ({"device": "cuda", "num_workers": 16, "cpus_per_worker": 8}, [{"memory": 1.0}], Share(8, 1.0), 16),
    ],
)
def test_workers_fill_the_cluster(flags, nodes, share, n_workers):
    run = RunConfig(feature_type=["tsn"], engine="ray", **flags)
    assert share_of(run, nodes) == share
    found, _ = resources(run, share, nodes)
    assert found.devices == (("cuda:0" if share.gpus else "cpu"),) * n_workers
    assert found.n_threads == share.cpus


def test_what_no_node_can_give_is_refused():
    with pytest.raises(UserError, match="no node of the Ray cluster has a GPU"):
        share_of(RunConfig(engine="ray", device="cuda"), [HEAD])
    with pytest.raises(UserError, match="--min_workers 3 is more than --num_workers 2"):
        resources(RunConfig(engine="ray", min_workers=3, num_workers=2), Share(1, 0), [HEAD])


def test_without_ray_the_message_says_how_to_install_it(monkeypatch):
    def no_ray(name):
        raise ImportError(name)

    monkeypatch.setattr(ray_cluster.importlib, "import_module", no_ray)
    with pytest.raises(UserError, match=r'pip install "ray\[default\]'):
        ray_cluster.load()


@pytest.mark.parametrize("by_variable", [True, False])
def test_an_address_without_a_cluster_is_said_at_once(monkeypatch, by_variable):
    not_asked = SimpleNamespace(exceptions=SimpleNamespace(RayError=ValueError))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nothing listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        if by_variable:
            monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UserError, match=r"no Ray cluster \(.*[Rr]efused.*\); start one with `ray start --head`"):
            ray_cluster.connect(not_asked, "auto" if by_variable else address)


class AuthenticationError(Exception):
    """As Ray raises it at once, or as the text of what another error came from."""


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AuthenticationError("no authentication token was found"), None),
        (ConnectionError("Failed to connect"), RuntimeError("ray.exceptions.AuthenticationError: RPC error")),
    ],
)
def test_a_token_that_is_missing_or_wrong_is_said(monkeypatch, error, cause):
    def init(**_):
        try:
            if cause is not None:
                raise cause
        finally:
            raise error

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserError, match=r"asks for a token.*set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH"):
        ray_cluster.connect(SimpleNamespace(init=init), "auto")


def test_other_versions_of_a_cluster_are_said(monkeypatch):
    def init(**_):
        raise RuntimeError(
            "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.12.3\n"
            "This process on node 10.0.0.7 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
        )

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    versions = r"cluster was started with: Ray: 2\.60\.0 Python: 3\.12\.3 This process .* Python: 3\.11\.7$"
    with pytest.raises(UserError, match=versions):
        ray_cluster.connect(SimpleNamespace(init=init), "auto")


def test_rays_errors_in_one_line():
    died = (
        "The actor died unexpectedly before finishing this task.\n\tclass_name: RayWorker\n\tip: 10.0.0.7\n"
        "The actor is dead because its node has died. Some common causes include: (1) power"
    )
    assert cause_of(Exception(died)) == "was lost on Ray node 10.0.0.7 (its node has died)"
    failed = "ray::RayWorker.__init__() (pid=1, ip=10.0.0.7, actor_id=a)\nModuleNotFoundError: No module named 'av'"
    assert cause_of(Exception(failed)) == "was lost on Ray node 10.0.0.7 (ModuleNotFoundError: No module named 'av')"
