"""Who may do what: each method of each address, asked by every role, answers as the table says."""

from config.reference.doors import doors
from tests.hostile.places import METHODS, PLACE, ROLES, ROUTES, sent_to

NOT_SERVED = {"/api/"}  # ninja names its root, and answers 404 there
TABLE = {(one.method, one.address): [getattr(one, role) for role in ROLES] for one in doors()}
WORDS = {401: "sign-in", 403: "no", 404: "unseen", 405: "-"}
SERVED = {PLACE.sub(r"{\1}", route): route for route in ROUTES if route not in NOT_SERVED}


def said(answer):
    """What an answer comes to, in the words of the table."""
    is_sent_to_sign_in = answer.headers.get("Location", "").startswith("/account/sign-in/")
    return "sign-in" if is_sent_to_sign_in else WORDS.get(answer.status_code, "yes")


def is_ours(answer):
    """A fault of ours."""
    return answer.status_code >= 500


def answers(site, method, route):
    path, sent = site.path(route), sent_to(route, method)
    return [site.ask(method, path, site.account(route, role), **sent) for role in ROLES]


def test_every_address_answers_each_role_as_the_table_says(site):
    odd = []
    for (method, place), expected in TABLE.items():
        found = answers(site, method, SERVED[place])
        if [said(one) for one in found] != expected or any(is_ours(one) for one in found):
            odd.append((method, place, [one.status_code for one in found], expected))
    assert odd == []


def test_a_method_that_the_table_does_not_name_is_taken_nowhere(site):
    odd = []
    for place, route in SERVED.items():
        for method in METHODS:
            if (method, place) in TABLE:
                continue
            answer = site.ask(method, site.path(route), site.account(route, "owner"))
            as_get = TABLE.get(("GET", place), ["-"] * len(ROLES))
            expected = {"-", as_get[2]} if method == "HEAD" else {"-"}
            if said(answer) not in expected or is_ours(answer):
                odd.append((method, place, answer.status_code))
    assert odd == []


def test_every_line_of_the_table_is_an_address_and_nobody_sees_more_than_the_owner():
    assert {place for _, place in TABLE} == set(SERVED)
    for (method, place), (nobody, other, owner, *_) in TABLE.items():
        assert method in METHODS
        assert owner in ("yes", other), place
        assert nobody in ("sign-in", other), place
