"""Fixtures: both versions of helm."""

import pytest

from tests.charts.helm import Helm

VERSIONS = ("helm3", "helm4")


@pytest.fixture(params=[pytest.param(v, marks=pytest.mark.programs(v)) for v in VERSIONS])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Each version of helm in turn, without a cluster."""
    return Helm(request.param, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The newest helm, without a cluster."""
    return Helm(VERSIONS[-1], tmp_path_factory.mktemp("helm"))
