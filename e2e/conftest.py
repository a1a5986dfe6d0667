"""One vinculo server with keys and a webhook receiver, for every test that needs no other."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from api import ONE_EMPLOYER, Api, answered
from installation import PATIENCE_SECONDS, Vinculo
from receiver import WEBHOOK_TOKEN, Receiver

# More links than fit on a page.
CROWD = 1001


def pytest_addoption(parser):
    parser.addoption("--binary", required=True, type=Path, help="the vinculo binary to test")
    parser.addoption(
        "--node-modules", required=True, type=Path, help="where the npm packages of js/ are"
    )
    parser.addoption("--chromium", required=True, help="the browser")
    parser.addoption("--seed", type=int, default=20260101, help="of the generated requests")


def pytest_collection_modifyitems(items):
    # What waits for something that takes its time comes when it has had some.
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session", autouse=True)
def patience():
    """The SDKs give an answer five seconds: how fast it comes is measured elsewhere."""
    send = requests.adapters.HTTPAdapter.send

    def patiently(self, request, *args, **options):
        return send(self, request, *args, **{**options, "timeout": PATIENCE_SECONDS})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", patiently)
        yield


@pytest.fixture(scope="session")
def binary(request):
    return request.config.getoption("binary")


@pytest.fixture(scope="session")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def vinculo(binary, tmp_path_factory, receiver):
    """A server that is ready, with the receiver registered in its sandbox."""
    # The SDK reads proxies from the environment.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    # The tests together delete more often than one customer may.
    folder = tmp_path_factory.mktemp("vinculo")
    with Vinculo(binary, folder, delete_limit_per_minute=0) as vinculo:
        vinculo.add_webhook(receiver.url, "--authorization", f"Bearer {WEBHOOK_TOKEN}")
        yield vinculo


@pytest.fixture(scope="session")
def keys(vinculo):
    """API keys of the sandbox: secret_id, secret_password, environment."""
    return vinculo.keys("sandbox")


@pytest.fixture(scope="session")
def sandbox(vinculo, keys):
    return Api(vinculo.url, keys)


@pytest.fixture(scope="session")
def production(vinculo):
    return credulous(Api(vinculo.url, vinculo.keys("production")))


def credulous(production):
    """Production without a single planilla that takes people it knows nothing about."""
    answered(production.patch("/manage/v1/settings/", {"accept_unknown_people": True}), 200)
    return production


@dataclass
class Crowd:
    """A workspace whose links are more than fit on a page, and stay."""

    url: str
    keys: dict
    api: Api
    ids: set


@pytest.fixture(scope="session")
def crowd(binary, tmp_path_factory):
    with Vinculo(binary, tmp_path_factory.mktemp("crowd")) as vinculo:
        keys = vinculo.keys("production")
        api = credulous(Api(vinculo.url, keys))
        with ThreadPoolExecutor(4) as pool:
            links = list(pool.map(lambda _: api.single_link(ONE_EMPLOYER), range(CROWD)))
        yield Crowd(vinculo.url, keys, api, {link["id"] for link in links})
