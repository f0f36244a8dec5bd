"""Fixtures of all end-to-end and fault tests: worlds (support/world.py).

    world       a fresh one for this test
    traveller   a fresh one whose clock the test moves
    shared      one for all tests of a file: for those that change nothing
                that another would notice
    book        one for all tables of rules (support/rules.py);
    strict_book another, with headers.strict and headers.strip_api_key

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# Whoever runs the tests may have AWS settings: none of them is for us.
for name in list(os.environ):
    if name.startswith(("AWS_", "TALLYGATE_")) and (
            not name.startswith("TALLYGATE_TEST_")):
        del os.environ[name]

from support.rules import Book                          # noqa: E402
from support.world import IS_SANITIZED, World           # noqa: E402

failed_folders = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        for node in item.listchain():
            node.has_failed = True


def pytest_collection_modifyitems(config, items):
    """libfaketime and AddressSanitizer both want to be loaded first."""
    if IS_SANITIZED:
        moved = [item for item in items if "traveller" in item.fixturenames]
        config.hook.pytest_deselected(items=moved)
        items[:] = [item for item in items if item not in moved]


def live(request, name, **options):
    """Starts a world, lends it, verifies and removes it."""
    world = World(name, **options)
    try:
        yield world.start()
        if not getattr(request.node, "has_failed", False):
            if world.stack.daemon and world.stack.sandbox:
                world.verify_bill()
            world.stop()
            world.verify()
            world.remove()
        else:
            failed_folders.append(world.folder)
    except BaseException:
        failed_folders.append(world.folder)
        raise
    finally:
        world.stop()


@pytest.fixture
def world(request):
    options = getattr(request, "param", {})
    yield from live(request, request.node.name, **options)


@pytest.fixture
def traveller(request):
    yield from live(request, request.node.name, travel=True)


@pytest.fixture(scope="module")
def shared(request):
    yield from live(request, request.module.__name__)


def open_book(request, name, **options):
    worlds = live(request, name, **options)
    book = Book(next(worlds))
    yield book
    book.close()
    next(worlds, None)


@pytest.fixture(scope="session")
def book(request):
    yield from open_book(request, "rules")


@pytest.fixture(scope="session")
def strict_book(request):
    yield from open_book(request, "strict", more={
        "headers": {"strict": True, "strip_api_key": True}})


def pytest_terminal_summary(terminalreporter):
    for folder in failed_folders:
        terminalreporter.write_line(f"kept for you to look at: {folder}")
