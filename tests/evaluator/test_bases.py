from dataclasses import replace

import pytest

from evaluator.bases import MINILM, base_id, base_named, bases, folder_of, verify_folder
from evaluator.errors import BaseDamaged, BaseMissing, BaseUnknown


def test_the_installed_base_is_the_pinned_one():
    assert (folder_of(MINILM) / "model.safetensors").is_file()


def test_an_unknown_base_is_named_with_the_closest_known_one():
    with pytest.raises(BaseUnknown) as refused:
        base_named("minilm-l6-v3")
    assert refused.value.next_step == "Did you mean minilm-l6-v2?"


def test_a_base_whose_package_is_absent_says_which_package():
    with pytest.raises(BaseMissing, match="no_such_package"):
        folder_of(replace(MINILM, package="no_such_package"))


def test_one_changed_byte_of_a_base_is_found(tmp_path):
    pin = MINILM.files["config.json"]
    one = replace(MINILM, files={"config.json": pin})
    raw = (folder_of(MINILM, is_verified=False) / "config.json").read_bytes()
    (tmp_path / "config.json").write_bytes(raw)
    verify_folder(one, tmp_path)
    (tmp_path / "config.json").write_bytes(b" " + raw[1:])
    with pytest.raises(BaseDamaged):
        verify_folder(one, tmp_path)


def test_bases_have_distinct_names_and_ids():
    assert len({base.name for base in bases()}) == len({base_id(base) for base in bases()})


def test_every_linear_layer_of_the_encoder_is_a_target():
    targets = MINILM.targets
    assert len(targets) == 36
    assert targets["bert.encoder.layer.5.output.dense"] == (384, 1536)
