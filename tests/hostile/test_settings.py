"""A public site is not started with what makes it a copy of others."""

import pytest

from config import env


def test_a_site_with_https_has_a_log_of_its_own_name():
    """Guards sign-ins and checkpoints: they are signed for a name, which no two sites may share."""
    with pytest.raises(env.SettingInvalid, match="ASSAY_ORIGIN"):
        env.read({"ASSAY_HTTPS": "1"})
    with pytest.raises(env.SettingInvalid, match="ASSAY_ORIGIN"):
        env.read({"ASSAY_HTTPS": "1", "ASSAY_ORIGIN": "assay.local/log"})
    assert env.read({"ASSAY_HTTPS": "1", "ASSAY_ORIGIN": "a.example/log"}).assay_https == "1"
    assert env.read({}).assay_origin == "assay.local/log"
