"""Links, sales, splits and streams of the vectors come out to the nano."""

import json
from pathlib import Path

import pytest

from assay.money import split
from licensing.errors import LineageRefused
from licensing.rules.lineage import check_links, stack
from licensing.rules.royalty import share_sale, stream

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "royalties.json").read_text())


def cases(part):
    return pytest.mark.parametrize(
        "case", VECTORS[part], ids=[one["name"] for one in VECTORS[part]]
    )


def whole(amounts):
    return {name: int(amount) for name, amount in amounts.items()}


@cases("sales")
def test_a_sale_is_shared_along_the_edges(case):
    links = {link["child"]: link["parents"] for link in case["links"]}
    sale = share_sale(
        case["work"],
        int(case["gross_nano"]),
        links,
        fee_e8=case["fee_e8"],
        payment_id=case["payment_id"],
    )
    assert stack(case["work"], links) == case["stack_e8"]
    assert sale.fee_nano == int(case["fee_nano"])
    assert sale.shares_nano == whole(case["shares_nano"])


@cases("links")
def test_a_link_is_taken_or_refused_with_its_code(case):
    links = {}
    for step in case["steps"]:
        answer = "ok"
        try:
            check_links(step["child"], step["parents"], links)
            links[step["child"]] = step["parents"]
        except LineageRefused as error:
            answer = error.code.removeprefix("lineage.")
        assert answer == step["expect"]


@cases("splits")
def test_one_payment_is_split_by_largest_remainder(case):
    shares = split(int(case["amount_nano"]), case["weights"], draw=case["payment_id"])
    assert shares == whole(case["shares_nano"])


@cases("streams")
def test_many_payments_follow_cumulative_targets(case):
    came = paid = 0
    for step in case["steps"]:
        pay = stream(came, int(step["amount_nano"]), case["weights"])
        came, paid = came + int(step["amount_nano"]), paid + sum(pay.values())
        assert pay == whole(step["pay_nano"])
        assert came - paid == int(step["held_nano"])
