from evaluator.task.docstrings import LIBRARIES, Sizes, docstring_slices, masked
from evaluator.task.overlap import Told, twins_between

SIZES = Sizes(train=12, public=6, board=5, final=6)


def test_the_data_is_the_same_every_time_and_its_slices_are_apart():
    first, again = (docstring_slices(SIZES, ("celery", "python")) for _ in range(2))
    assert first == again
    assert {name: len(part) for name, part in first.items()} == {
        "train": 24, "public": 12, "board": 10, "final": 12,
    }  # fmt: skip
    apart = ([Told("", one["text"]) for one in part] for part in first.values())
    train, public, board, final = apart
    assert twins_between(train, public + board + final) == 0
    assert twins_between(public, board + final) == 0
    assert twins_between(board, final) == 0


def test_no_text_names_a_library():
    slices = docstring_slices(SIZES, ("redis", "python"))
    texts = [one["text"].lower() for part in slices.values() for one in part]
    assert not [text for text in texts for name in LIBRARIES if name in text]


def test_masking_gives_one_short_line():
    assert masked("Use\n   Django, django.db or PyTorch.") == "Use library, library.db or library."
    assert len(masked("word " * 200)) <= 400
