"""The witness: the statuses of C2SP tlog-witness, and that nobody gets two histories cosigned."""

import sqlite3
from contextlib import closing, contextmanager
from hashlib import sha256

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import merkle, notes
from assay.witness import Memory, Witness, checkpoint_path, logs_of, server, write_request
from tests.servers import serving

LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "log.example/log"
LOG_KEY = notes.verifier_key(ORIGIN, notes.LOG_KEY, LOG.public_key().public_bytes_raw())
TIME_S = 1_800_000_000


@pytest.fixture
def witness(tmp_path):
    return make(tmp_path)


def make(folder):
    key = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    return Witness("w.example", key, logs_of([LOG_KEY]), Memory(folder / "witness.db"))


def leaves(size, word="entry"):
    return [merkle.leaf_hash(f"{word} {number}".encode()) for number in range(size)]


def note_of(tree, *, origin=ORIGIN, key=LOG):
    return notes.sign_checkpoint(notes.Checkpoint(origin, len(tree), merkle.root(tree)), key)


def ask(witness, old, tree, *, proof=None, note=None):
    if proof is None:
        proof = merkle.consistency(old, tree) if 0 < old < len(tree) else []
    body = write_request(old, proof, note or note_of(tree))
    return witness.add_checkpoint(body, time_s=TIME_S)


def test_a_log_that_grows_is_cosigned_and_the_cosignature_verifies(witness):
    for old, size in ((0, 3), (3, 3), (3, 300), (300, 301)):
        tree = leaves(size)
        answer = ask(witness, old, tree)
        assert answer.status == 200, answer
        note = note_of(tree) + answer.text
        assert notes.open_note(note, witness.vkey) == notes.open_note(note, LOG_KEY)
        assert notes.signed_by(note, [witness.vkey]) == [witness.vkey]


def test_a_size_that_is_not_the_last_is_answered_with_the_last(witness):
    ask(witness, 0, leaves(5))
    for old in (0, 3, 6):
        answer = ask(witness, old, leaves(9))
        assert (answer.status, answer.text, answer.content_type) == (409, "5\n", "text/x.tlog.size")


def test_another_history_is_refused_whatever_proof_comes_with_it(witness):
    """Guards the consistency check: take it away, and the second history is cosigned."""
    ask(witness, 0, leaves(5))
    other = leaves(9, "other")
    for proof in ([], merkle.consistency(5, leaves(9)), merkle.consistency(5, other)):
        assert ask(witness, 5, other, proof=proof).status == 422
    assert ask(witness, 5, leaves(5, "other")).status == 422  # the same size, another root
    assert ask(witness, 5, leaves(9)).status == 200


def test_the_first_checkpoint_needs_no_proof_and_may_bring_none(witness):
    assert ask(witness, 0, leaves(4), proof=[bytes(32)]).status == 422
    assert ask(witness, 0, leaves(4)).status == 200


def test_an_empty_log_has_one_root(witness):
    empty = notes.sign_checkpoint(notes.Checkpoint(ORIGIN, 0, bytes(32)), LOG)
    assert ask(witness, 0, [], note=empty).status == 422
    assert ask(witness, 0, []).status == 200


def test_a_log_that_is_not_known_is_404_and_a_signature_that_is_not_its_own_403(witness):
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert ask(witness, 0, leaves(3), note=note_of(leaves(3), origin="x.example")).status == 404
    assert ask(witness, 0, leaves(3), note=note_of(leaves(3), key=stranger)).status == 403
    good = note_of(leaves(3))
    damaged = good.replace("\n3\n", "\n4\n")
    assert ask(witness, 0, leaves(3), note=damaged).status == 403
    both = good + note_of(leaves(3), key=stranger).rsplit("\n\n", 1)[1]
    assert ask(witness, 0, leaves(3), note=both).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"old 0", b"old 0\n\n", b"new 0\n\n{note}", b"old 00\n\n{note}", b"old -1\n\n{note}",
        b"old x\n\n{note}", b"old 0\nAAAA\n\n{note}", b"old 0\n!\n\n{note}", b"\xff\n\n{note}",
        b"old 0\n" + b"A" * 43 + b"=\n\n{note}", b"old 9\n\n{note}",
    ],
)  # fmt: skip
def test_what_is_malformed_is_never_cosigned(witness, body):
    answer = witness.add_checkpoint(body.replace(b"{note}", note_of(leaves(3)).encode()), time_s=1)
    malformed_only = body.startswith(b"old 0\n" + b"A" * 43)
    assert answer.status in ((422,) if malformed_only else (400, 404)), answer


def test_more_than_63_proof_lines_are_refused(witness):
    assert ask(witness, 0, leaves(3), proof=[bytes(32)] * 64).status == 400


def test_a_signed_checkpoint_of_another_form_is_refused(witness):
    text = f"{ORIGIN}\n03\n{'A' * 43}=\n"
    signature = LOG.sign(text.encode())
    public = LOG.public_key().public_bytes_raw()
    line = notes._signature_line(ORIGIN, notes.LOG_KEY, public, signature)
    assert ask(witness, 0, [], note=f"{text}\n{line}").status == 400


def test_what_was_cosigned_outlives_the_process(tmp_path):
    """Guards that it is stored before the answer: a witness that forgets cosigns anything."""
    ask(make(tmp_path), 0, leaves(5))
    assert ask(make(tmp_path), 0, leaves(4, "other")).status == 409
    assert ask(make(tmp_path), 5, leaves(6)).status == 200


def test_who_read_before_another_wrote_does_not_write(witness):
    """Guards the compare-and-set: else a smaller size could be stored after a larger one."""
    ask(witness, 0, leaves(5))
    read = witness.memory.last(ORIGIN)
    assert ask(witness, 5, leaves(9)).status == 200
    late = notes.Checkpoint(ORIGIN, 6, merkle.root(leaves(6)))
    assert not witness.memory.advance(read, late, "a note")
    assert witness.memory.last(ORIGIN) == (9, merkle.root(leaves(9)))


def test_of_two_who_ask_at_once_only_one_moves_it_on(witness, crowd):
    """Guards the compare-and-set: with a plain UPDATE a smaller size comes after a larger one."""
    ask(witness, 0, leaves(5))
    answers = {}

    def one(number):
        answers[number] = ask(witness, 5, leaves(6 + number))

    assert crowd(one) == []
    assert sorted(answer.status for answer in answers.values()) == [200] + [409] * 7
    (winner,) = [number for number, answer in answers.items() if answer.status == 200]
    assert witness.memory.last(ORIGIN)[0] == 6 + winner


@given(steps=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["a", "b"])), max_size=12))
@settings(max_examples=40)
def test_all_that_is_ever_cosigned_is_one_history(tmp_path_factory, steps):
    witness, cosigned = make(tmp_path_factory.mktemp("w")), []
    for size, word in steps:
        old = witness.memory.last(ORIGIN)[0]
        if ask(witness, min(old, size), leaves(size, word)).status == 200:
            cosigned.append((size, word))
    grown = [(size, word) for size, word in cosigned if size]
    assert grown == sorted(grown)
    assert len({word for _, word in grown}) <= 1


@contextmanager
def running(witness):
    """The witness behind HTTP; its address."""
    with server(witness, "127.0.0.1", 0) as door, serving(door) as url:
        yield url


def test_it_answers_over_http_and_at_no_other_address(witness):
    body = write_request(0, [], note_of(leaves(3)))
    with running(witness) as url, httpx2.Client(base_url=url) as client:
        answer = client.post("/add-checkpoint", content=body)
        assert (answer.status_code, answer.text[0]) == (200, "\u2014")
        again = client.post("/add-checkpoint", content=body)
        assert (again.status_code, again.text) == (409, "3\n")
        assert again.headers["Content-Type"] == "text/x.tlog.size"
        assert client.post("/else", content=body).status_code == 404
        assert client.get("/else").status_code == 404
        assert client.get("/").text.strip() == witness.vkey
        assert client.post("/add-checkpoint", content=b"x" * 20_000).status_code == 413


def test_the_last_checkpoint_is_shown_with_the_logs_line_and_the_witnesss(witness):
    """The address is that of C2SP tlog-witness, for monitors."""
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert checkpoint_path(ORIGIN) == path
    with running(witness) as url, httpx2.Client(base_url=url) as client:
        assert client.get(path).status_code == 404
        for old, size in ((0, 3), (3, 5)):
            tree = leaves(size)
            unknown = "\u2014 x.example AAAA\n"
            proof = merkle.consistency(old, tree) if old else []
            body = write_request(old, proof, note_of(tree) + unknown)
            line = client.post("/add-checkpoint", content=body).text
            shown = client.get(path)
            assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert shown.text == note_of(tree) + line
            assert notes.signed_by(shown.text, [LOG_KEY, witness.vkey]) == [LOG_KEY, witness.vkey]
        refused = write_request(5, [], note_of(leaves(5, "other")))
        assert client.post("/add-checkpoint", content=refused).status_code == 422
        assert client.get(path).text == note_of(leaves(5)) + line
        for wrong in (path.upper(), f"{path}/", f"/{'0' * 64}/checkpoint", "/checkpoint"):
            assert client.get(wrong).status_code == 404


def test_a_witness_goes_on_with_the_file_of_an_earlier_version(tmp_path):
    """That version stored size and root alone: there is nothing to show until the next one."""
    with closing(sqlite3.connect(tmp_path / "witness.db")) as base, base:
        base.execute(
            "CREATE TABLE cosigned"
            " (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)"
        )
        base.execute("INSERT INTO cosigned VALUES (?, 5, ?)", (ORIGIN, merkle.root(leaves(5))))
    witness = make(tmp_path)
    assert ask(witness, 0, leaves(9)).text == "5\n"
    assert witness.checkpoint(checkpoint_path(ORIGIN)).status == 404
    assert ask(witness, 5, leaves(9)).status == 200
    shown = make(tmp_path).checkpoint(checkpoint_path(ORIGIN)).text
    assert notes.read_checkpoint(shown, LOG_KEY).size == 9


def test_only_keys_of_logs_are_taken_for_logs(witness):
    with pytest.raises(notes.NoteInvalid):
        logs_of([witness.vkey])
