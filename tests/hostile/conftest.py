"""The site that these tests ask: each request to it is taken back."""

from dataclasses import replace

import pytest

from tests.hostile.places import populate


@pytest.fixture
def site(db):
    """One of everything."""
    return populate()


@pytest.fixture
def most(settings):
    """most(name, account=1, address=2): another figure, as ASSAY_BUDGETS would give it."""

    def change(name, **figures):
        settings.BUDGETS = {
            **settings.BUDGETS,
            name: replace(settings.BUDGETS[name], **figures),
        }

    return change
