"""The same bits: by every build, in any order and company, with what is no number too."""

import json
import os
import random  # noqa: TID251 - a test shuffles texts
import shutil
import threading
from dataclasses import replace
from hashlib import sha256
from math import prod

import numpy as np
import pytest
import torch

from assay.canonical import canonical, digest
from evaluator.bases.families import BY_NAME
from evaluator.bases.shapes import CLS
from evaluator.blob import read_blob, write_blob
from evaluator.engine import build, known
from evaluator.engine.library import best_variant, library
from evaluator.engine.model import Adapted, groups
from evaluator.evaluators.form import Reading
from evaluator.task.slices import Row
from tests.evaluator import vectors

pytestmark = pytest.mark.slow

HERE = best_variant()
RUNS = {build.AVX512: 3, build.AVX2: 2, build.NEON: 2, build.SCALAR: 1}  # of variants_here
WIDE = (build.WIDE,) if HERE in (build.AVX2, build.AVX512) else ()
OTHERS = [one for one in (*build.variants_here()[: RUNS[HERE]], *WIDE) if one != HERE]
FEW = ("llama", "gemma2", "mpnet", "modernbert")


def model_of(kind, variant="", blob=None):
    """A decoder of the known answers, or an encoder, under an adapter."""
    shape, head = known.shape_of(kind), _head(kind)
    return Adapted(known.base_of(shape, variant), blob or known.adapter_of(shape, head), head)


def _head(kind):
    shape = known.shape_of(kind)
    return {"score.weight": (3, shape.hidden)} if BY_NAME[kind].is_causal else known.head_of(shape)


def figures(model, texts):
    """One value per text that holds every bit of what the model says of it."""
    if model._base.family.is_causal:
        found = model.scored([Row(tuple(text), 1) for text in texts])
        return [one.nll_q32 for one in found]
    values, width = model.pooled(texts, "mean").values(), model._base.shape.hidden
    return [tuple(values[at : at + width]) for at in range(0, len(values), width)]


@pytest.fixture(scope="module")
def found():
    """Every family's answers, as this machine's widest build gives them."""
    return {kind: known.answers(kind) for kind in BY_NAME}


@pytest.mark.parametrize("kind", BY_NAME)
def test_this_machine_gives_the_known_answers_of_the_family(found, kind):
    told = json.loads(vectors.FILE.read_bytes())["families"]
    assert found[kind] == told[kind]
    assert digest(told[kind]) == json.loads(known.FILE.read_bytes())[kind]


def test_the_files_of_known_answers_are_what_their_generator_writes(found):
    for path, text in vectors.texts(found).items():
        assert path.read_text() == text, path


@pytest.mark.parametrize("variant", OTHERS)
def test_another_build_gives_the_same_bits(variant):
    assert known.is_known_here(variant)


def test_without_a_home_the_compiler_is_told_where_to_keep_its_parts(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert build._with_cache("/a/folder")["ZIG_GLOBAL_CACHE_DIR"] == "/a/folder"
    monkeypatch.setenv("HOME", "/a/home")
    assert "ZIG_GLOBAL_CACHE_DIR" not in build._with_cache("/a/folder")


def test_the_systems_compiler_gives_the_same_bits(tmp_path, monkeypatch):
    command = shutil.which("gcc") or shutil.which("clang")
    if command is None:
        pytest.skip("no compiler of the system is here to compare zig's with")
    monkeypatch.setattr(build, "BUILT", tmp_path)
    monkeypatch.setenv(build.COMPILER_VARIABLE, command)
    library.cache_clear()
    try:
        assert known.is_known_here(HERE)
        assert build.file_of(HERE).parent == tmp_path
    finally:
        library.cache_clear()


@pytest.mark.parametrize("kind", FEW)
def test_neither_blocks_nor_order_nor_company_can_be_seen(kind):
    model, texts = model_of(kind), known.documents()
    wanted = figures(model, texts)
    assert [figures(model, [text])[0] for text in texts] == wanted
    order = random.Random(5).sample(range(len(texts)), len(texts))
    assert figures(model, [texts[one] for one in order]) == [wanted[one] for one in order]
    try:
        for blocks in ((1, 1, 1), (7, 33, 100), (768, 5, 40)):
            model._base.engine.engine_blocks(*blocks)
            assert figures(model, texts) == wanted, blocks
    finally:
        model._base.engine.engine_blocks(384, 4096, 384)


def test_two_threads_and_a_fork_give_the_same_bits():
    texts = known.documents()
    wanted = {kind: figures(model_of(kind), texts) for kind in FEW}
    found = {}

    def work(kind):
        found[kind] = figures(model_of(kind), texts)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in FEW]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == wanted
    reader, writer = os.pipe()
    model = model_of("llama")
    if os.fork() == 0:
        os.write(writer, sha256(repr(figures(model, texts)).encode()).digest())
        os._exit(0)
    assert os.read(reader, 32) == sha256(repr(wanted["llama"]).encode()).digest()
    os.wait()


@pytest.mark.parametrize("kind", [kind for kind in BY_NAME if BY_NAME[kind].is_causal])
def test_a_continuation_with_kept_keys_is_that_without(kind):
    model, text = model_of(kind), known.documents()[3]
    anew, ids = [], list(text)
    for _ in range(8):
        [token] = model.continued(ids, most=1, ends=())
        anew, ids = [*anew, token], [*ids, token]
    assert model.continued(text, most=8, ends=()) == anew
    assert len(model.continued(text[:10] * 7, most=50, ends=())) == 2  # no further than positions
    assert model.continued(text, most=8, ends=[anew[3]]) == anew[: anew.index(anew[3])]


def _odd_blob(kind, values):
    """The known adapter of a family with other values in its matrices."""
    blob = known.adapter_of(known.shape_of(kind), _head(kind))
    parts, place = {}, 0
    for name, part in read_blob(blob).parts.items():
        count = prod(part.shape)
        parts[name] = part.shape, values(place, count).astype("<f4").tobytes()
        place += count
    return write_blob(known.RANK, 0.3, parts)


ODD = {
    "one NaN": lambda place, count: np.where(np.arange(count) + place == 50, np.nan, 0.01),
    "infinities": lambda _, count: np.where(np.arange(count) % 97 == 0, np.inf, 0.01),
    "1e38": lambda _, count: np.where(np.arange(count) % 2, 1e38, -1e38),
    "products below 2^-126": lambda _, count: np.where(np.arange(count) % 2, 1e-21, -3e-21),
    "denormals": lambda _, count: np.where(np.arange(count) % 2, 1e-40, -3e-41),
}


@pytest.mark.parametrize("kind", BY_NAME)
def test_odd_numbers_give_defined_results_the_same_everywhere(kind):
    texts = [known.documents()[place] for place in (0, 2, 3)]
    bases = [known.base_of(known.shape_of(kind), variant) for variant in (HERE, build.SCALAR)]
    for what, values in ODD.items():
        blob = _odd_blob(kind, values)
        here, scalar = (_said(Adapted(base, blob, _head(kind)), texts) for base in bases)
        assert here == scalar, what


def _said(model, texts):
    """All that a model answers, as text, so that what is no number equals itself."""
    if model._base.family.is_causal:
        scored, written = figures(model, texts), model.continued(texts[0], most=2, ends=())
        assert all(0 <= one <= 1000 << 32 for text in scored for one in text)
        assert all(0 <= one < known.WORDS for one in written)
        return repr((scored, written))
    reading = Reading(CLS, is_own=True)
    classes, nearest = model.classes(texts, reading), model.nearest(texts[:1], texts, most=2)
    assert all(0 <= one < known.CLASSES for one in classes)
    assert all(0 <= one < len(texts) for one in nearest[0])
    return repr((figures(model, texts), model.logits(texts, reading), classes, nearest))


def test_a_library_that_flushes_small_numbers_to_zero_changes_nothing():
    blob, texts = _odd_blob("llama", ODD["products below 2^-126"]), known.documents()
    wanted = figures(model_of("llama", blob=blob), texts)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor flushes nothing")
    try:
        assert figures(model_of("llama", blob=blob), texts) == wanted
        assert torch.tensor([1e-39]).mul(0.5).item() == 0, "and the caller's own setting is back"
    finally:
        torch.set_flush_denormal(False)


def test_functions_at_their_ends_are_defined_and_alike_in_every_build():
    told = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38]
    x = np.concatenate([np.linspace(-95, 95, 4001), told]).astype(np.float32)
    for which in range(7):
        found = []
        for variant in (HERE, *OTHERS):
            out = np.empty_like(x)
            library(variant).engine_functions(which, x.size, x.ctypes.data, out.ctypes.data)
            found.append(np.where(np.isnan(out), np.float32(7), out).tobytes())
        assert len(set(found)) == 1, which
    exp = np.empty_like(x)
    library().engine_functions(6, x.size, x.ctypes.data, exp.ctypes.data)
    inside = (x > -87) & (x < 88)
    right = np.exp(x[inside].astype(np.longdouble))
    unit = np.spacing(right.astype(np.float32)).astype(float)
    assert (np.abs(exp[inside] - right) / unit).max() < 1


def test_texts_go_through_together_up_to_a_bound():
    assert groups([5000, 3000, 1, 9000, 2]) == [slice(0, 3), slice(3, 4), slice(4, 5)]


def test_widths_that_fill_no_vector_are_taken():
    shape = replace(
        known.shape_of("llama"), hidden=7, intermediate=5, heads=3, kv_heads=1, head_dim=6
    )
    texts = known.documents()
    blob = known.adapter_of(shape, {"score.weight": (3, 7)})
    found = [
        figures(Adapted(known.base_of(shape, variant), blob, {}), texts)
        for variant in (HERE, *OTHERS)
    ]
    assert all(one == found[0] for one in found)
    assert canonical([len(one) for one in found[0]]) == b"[6,69,0,32,1]"
