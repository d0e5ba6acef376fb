"""Figures on a page are exact, or rounded in one named way."""

import re
from datetime import UTC, datetime

import pytest
from django.template import engines
from hypothesis import given
from hypothesis import strategies as st

from assay.money import parse_tokens
from web.templatetags import assay as figures


def text_of(html):
    return re.sub(r"<[^>]+>", "", str(html))


@given(nano=st.integers(0, 2**63 - 1))
def test_an_amount_copied_from_a_page_is_the_amount(nano):
    shown = text_of(figures.money(nano, unit=""))
    assert parse_tokens(shown) == nano
    assert parse_tokens(figures.tokens(nano)) == nano


@given(nano=st.integers(-(2**63), 2**63 - 1))
def test_amounts_of_a_column_have_nine_places_and_a_true_sign(nano):
    shown = text_of(figures.money(nano, unit="", full=True))
    assert len(shown.partition(".")[2]) == 9
    assert shown.startswith("\u2212") == (nano < 0)


def test_an_amount_is_grouped_in_threes_with_its_unit():
    html = figures.money(1_234_567_250_000_000)
    assert '1<span class="g">234</span><span class="g">567</span>' in html
    assert text_of(html) == "1234567.25 tokens"


@pytest.mark.parametrize(
    ("value_e9", "shown"),
    [
        (683_333_333, "68.33"),
        (683_350_000, "68.34"),
        (683_349_999, "68.33"),
        (1_000_000_000, "100.00"),
        (0, "0.00"),
        (-4_999, "0.00"),
        (-12_345_000, "\u22121.23"),
    ],
)
def test_percent_rounds_once_half_away_from_zero(value_e9, shown):
    assert figures.percent(value_e9) == f"{shown}\u00a0%"


def test_nothing_is_a_dash_and_never_none():
    assert figures.percent(None) == figures.moment(None) == "\u2013"


def test_a_moment_is_utc_to_readers_and_to_machines():
    html = figures.moment(1_794_902_400_000)
    expected = '<time class="num" datetime="2026-11-17T08:00:00Z">17 Nov 2026, 08:00 UTC</time>'
    assert html == expected
    assert figures.moment(datetime(2026, 11, 17, 8, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "in 30 s"), (-720, "12 min ago"), (7500, "in 2 h 05 min"), (3 * 86_400, "in 3 days")],
)
def test_until_counts_in_whole_units(seconds, words):
    assert figures.until(seconds * 1000, 0) == words


def test_the_words_of_a_state_never_depend_on_colour_alone():
    template = engines["django"].from_string("{% load assay %}{% chip s %}")
    assert text_of(template.render({"s": "final_scored"})).strip() == "Final scored"


def test_an_unknown_state_is_quiet():
    assert figures.tone("unheard_of") == "quiet"


@given(
    values=st.lists(st.integers(0, 10**9), min_size=3, max_size=3).map(sorted),
    base_e9=st.integers(0, 10**9),
)
def test_the_bar_keeps_its_order_and_stays_inside(values, base_e9):
    bar = str(figures.interval(*values, base_e9, span="0.2 0.8"))
    base, low, at = (int(x) for x in re.findall(r'class="[a-z]+" x1="(\d+)"', bar))
    high = int(re.search(r'class="spread" x1="\d+" y1="10" x2="(\d+)"', bar)[1])
    assert 0 <= low <= at <= high <= 1000
    assert 0 <= base <= 1000


def test_a_name_with_a_hash_in_it_is_cut_short_and_any_other_name_is_whole():
    says = f"Paid to pool:{'d9d7e28a' * 8}: royalties."
    assert figures.brief(says) == "Paid to pool:d9d7e28a\u2026: royalties."
    assert figures.brief("escrow:which-library") == "escrow:which-library"
