"""The browser that the tests of this folder look with."""

import pytest
from playwright.sync_api import sync_playwright

from tests.servers import chromium


@pytest.fixture(scope="module")
def browser():
    """One browser for all. Its loop lives in the test's thread, which Django must put up with."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            one = playwright.chromium.launch(**chromium())
            yield one
            one.close()
