# SPDX-License-Identifier: MIT
"""One running house per test process, and new ones for the tests that start and stop them."""

from __future__ import annotations

import pytest

from tests.house.server import House


@pytest.fixture(scope="session")
def _shared_house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house") / "try").start()
    yield house
    house.stop()


@pytest.fixture
def house(_shared_house):
    """A running house with empty INBOXes; shared by the tests of this process."""
    _shared_house.empty()
    return _shared_house


@pytest.fixture
def new_house(tmp_path):
    """A function that makes a house of the test's own; it is stopped at the end."""
    made: list[House] = []

    def make(name: str = "try", **more) -> House:
        house = House(tmp_path / name, **more)
        made.append(house)
        return house

    yield make
    for house in made:
        if hasattr(house, "process"):
            house.stop()
