"""The worked tables of docs/algorithms, run through the rules that they describe."""

import json
import re

import numpy as np
import pytest

from assay.money import parse_tokens, show_tokens
from competitions.rules import quota
from competitions.rules.prizes import Mark, Payout, PayoutTerms, Placed, settle
from competitions.rules.verdict import places
from config import env
from evaluator.score.racing import Race, looks, order_of, salt_of, stage_ends, verdict
from evaluator.similarity.forms import form_of
from evaluator.similarity.measure import compare, kind_of
from licensing.rules.pools import Pool
from licensing.rules.royalty import Drawing, share_sale, still_due, targets
from tests.bench import racing as bench
from tests.docs.worked import given, parts_e8, section, sections
from tests.evaluator.adapters import canonical


def examples(name):
    return [pytest.param(one, id=one.title) for one in sections(name) if "Example" in one.title]


def mark(text):
    """The mark of 0/1 outcomes: how many are right, and which."""
    points = tuple(map(int, text))
    return Mark(sum(points), points)


def paid(terms, entries) -> Payout:
    return settle(
        [
            Placed(row["entry"], row["owner"], int(row["commit"]), mark(row["outcomes"]))
            for row in entries
        ],
        PayoutTerms(
            prize_nano=parse_tokens(terms["prize"]),
            curve=[int(weight) for weight in terms["curve"].split(", ")],
            fee_e8=parts_e8(terms["fee"]),
            pool_e8=parts_e8(terms["pool"]),
            forfeits_nano=parse_tokens(terms.get("forfeits", "0")),
        ),
        baseline=mark(terms["baseline"]),
        draw=terms["draw"],
    )


@pytest.mark.parametrize("example", examples("payout"))
def test_a_worked_payout_is_what_the_rule_gives(example):
    terms, entries, (rest,) = example.tables
    found = paid(given(terms), entries)
    placed = places(found)
    assert [(row["entry"], row["place"], row["prize"]) for row in entries] == [
        (
            row["entry"],
            str(placed.get(row["entry"], "-")),
            show_tokens(found.prizes.get(row["entry"], 0)),
        )
        for row in entries
    ]
    told = {
        "fee": show_tokens(found.fee_nano),
        "pool": show_tokens(found.pool_nano),
        "to the sponsor": show_tokens(found.to_sponsor_nano),
        "burnt": show_tokens(found.burnt_nano),
    }
    assert {"burnt": "0"} | rest == told


@pytest.mark.parametrize("example", examples("royalty"))
def test_a_worked_sale_is_what_the_rule_gives(example):
    terms, edges, amounts = example.tables
    asked = given(terms)
    links: dict[str, dict[str, int]] = {}
    for edge in edges:
        links.setdefault(edge["child"], {})[edge["parent"]] = parts_e8(edge["rate"])
    found = share_sale(
        asked["sold"],
        parse_tokens(asked["price"]),
        links,
        fee_e8=parts_e8(asked["fee"]),
        payment_id=asked["payment"],
    )
    given_nano = {"fee": found.fee_nano, **found.shares_nano}
    assert {row["to"]: row["amount"] for row in amounts} == {
        name: show_tokens(amount_nano) for name, amount_nano in given_nano.items()
    }


def test_the_worked_pool_is_what_the_rule_gives():
    (rows,) = section("royalty", "Drawing from a pool").tables
    came_nano = 0
    for row in rows:
        came_nano += parse_tokens(row["came in"])
        wanted = targets(came_nano, {"docwriters": 3, "orchard": 1})
        held_nano = came_nano - sum(wanted.values())
        shown = {name: show_tokens(amount_nano) for name, amount_nano in wanted.items()}
        assert {**shown, "held": show_tokens(held_nano)} == {
            name: row[name] for name in (*shown, "held")
        }


def test_the_worked_refund_is_what_the_rules_give():
    (rows,) = section("royalty", "A refund after a draw").tables
    there, owed, drawn = 0, 0, 0
    for row in rows:
        pool = Pool(there, owed, there + drawn - owed, {"ada": Drawing(1, drawn)})
        nano = parse_tokens("".join(re.findall(r"[0-9]+", row["what happens"])) or "98")
        if "brings" in row["what happens"]:
            back = pool.repaid_nano(nano)
            there, owed = there + nano - back, owed - back
        elif "goes back" in row["what happens"]:
            lent = pool.lacking_nano(nano)
            there, owed = there + lent - nano, owed + lent
        else:
            there, drawn = there - nano, drawn + nano
        due = still_due(there + drawn - owed, {"ada": Drawing(1, drawn)})
        told = [parse_tokens(row[name]) for name in ("in the pool", "owed", "due", "drawn in all")]
        assert told == [there, owed, due, drawn]


def test_the_worked_windows_are_what_the_rule_gives():
    (rows,) = section("quota", "Windows").tables
    opens_ms, window_s = 1_000_000, 60
    for row in rows:
        seconds, _, rest = row["commit at"].partition(".")
        at_ms = int(seconds) * 1000 + int(rest.ljust(3, "0"))
        window = quota.window_of(at_ms, opens_at_ms=opens_ms, window_s=window_s)
        ends_ms = quota.window_ends_ms(window, opens_at_ms=opens_ms, window_s=window_s)
        assert (str(window), str(ends_ms // 1000)) == (row["window"], row["next window begins"])


def test_the_worked_slots_are_what_the_rule_gives():
    (rows,) = section("quota", "Slots").tables
    for row in rows:
        taken = [] if row["taken"] == "none" else [int(slot) for slot in row["taken"].split(", ")]
        slot = quota.free_slot(taken, int(row["quota"]))
        assert ("refused" if slot is None else str(slot)) == row["slot"]


def test_five_wins_are_enough_and_four_are_not():
    terms = {"prize": "1", "curve": "1", "fee": "0 %", "pool": "0 %", "draw": "d"}
    for wins, is_enough in ((5, True), (4, False)):
        entry = {"entry": "A", "owner": "ada", "commit": "1", "outcomes": "1" * wins}
        found = paid({**terms, "baseline": "0" * wins}, [entry])
        assert bool(found.groups) is is_enough


def digits(text):
    return [int(digit) for digit in text]


@pytest.mark.parametrize("example", examples("racing"))
def test_a_worked_race_is_what_the_rule_gives(example):
    terms, steps = example.tables
    asked = given(terms)
    race = Race(
        examples=int(asked["examples"]),
        block=int(asked["block"]),
        alpha_ppm=parts_e8(asked["alpha"]) // 100,
        points_cap=int(asked["cap"]),
        is_binary=True,
    )
    found = list(looks(digits(asked["entry"]), digits(asked["rival"]), race))
    shown = [
        {
            "after": str(one.n),
            "lead": str(one.lead),
            "best lead": str(one.best_lead),
            "e-value": f"{one.e_value_e3 // 1000}.{one.e_value_e3 % 1000:03d}",
            "then": f"stop: {one.reason}" if one.reason else "on",
        }
        for one in found
    ]
    assert shown[: len(steps)] == steps
    stop = verdict(digits(asked["entry"]), digits(asked["rival"]), race)
    assert (stop.n if stop else found[-1].n) == int(steps[-1]["after"])


def test_the_worked_stages_are_what_the_rule_gives():
    (rows,) = section("racing", "Stages").tables
    for row in rows:
        ends = stage_ends(int(row["examples"]), int(row["block"]))
        assert ", ".join(map(str, ends)) == row["stages end after"]


def test_the_worked_orders_are_what_the_rule_gives():
    (rows,) = section("racing", "Orders").tables
    salt = salt_of(b"\x5a" * 32)
    for row in rows:
        order = order_of(salt, row["entry"], int(row["examples"]))
        assert ", ".join(map(str, order)) == row["order"]


def test_the_simulation_on_file_is_what_the_rule_gives():
    """One row of it, played again; the others take a while. The last digits are the machine's."""
    on_file = json.loads((env.HOUSE / "docs/benchmarks/racing.json").read_text())
    told = next(one for one in on_file["rows"] if one["examples"] == 500)
    found = bench.row(told["examples"], told["spread"], told["contests"])
    assert found.wrong_places == told["wrong_places"] == 0
    for name in ("work", "work_staged", "stopped"):
        assert getattr(found, name) == pytest.approx(told[name], abs=0.02)


def axes(text):
    """Layers of axes: `1 2; 3` is two layers, the first with two directions."""
    return [[int(axis) for axis in layer.split()] for layer in text.split(";")]


def along(writes, reads):
    """The normal form of an update that writes and reads along axes of a space of 64."""
    made = {}
    for place, (out, into) in enumerate(zip(axes(writes), axes(reads), strict=True)):
        unit = np.eye(64)
        made[f"layer{place}"] = (unit[:, out], unit[into])
    return form_of(canonical(made))


def test_the_worked_layers_are_as_like_as_the_measure_says():
    (rows,) = section("similarity", "Worked layers").tables
    for row in rows:
        earlier = along(row["earlier writes"], row["earlier reads"])
        found = compare(earlier, along(row["later writes"], row["later reads"]))
        told = f"{found.two_sided_ppm / 1e6:.6f}", f"{found.copied_layers_ppm / 1e6:.6f}"
        assert (*told, found.kind) == (row["two-sided"], row["copied layers"], row["verdict"])


def test_the_limits_of_likeness_are_those_of_the_page():
    (rows,) = section("similarity", "What follows").tables
    for row in rows:
        told = [round(float(row[name]) * 1e6) for name in ("two-sided", "copied layers")]
        assert kind_of(*told) == row["the later one is"]
