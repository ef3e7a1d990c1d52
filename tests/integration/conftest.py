"""What the tests of images begin with: an empty cache and a server that can be told to misbehave."""

import pytest
from hostile_http import HostileServer
from image_cache import Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def server():
    with HostileServer() as running:
        yield running
