"""The second half of the story: the licence, the royalties, the books, the proof."""

import json
import re
from collections.abc import Mapping
from typing import Any

from assay.messages import Result
from assay.money import show_tokens
from assay.wire import from_json
from competitions.rules.prizes import Mark, alpha_for
from competitions.rules.results import Slice, interval_e9, mark_of
from config.demo.miner import Miner
from config.demo.site import manage
from config.demo.story import AUTHOR, BUYER, COMPETITION, CONTRIBUTOR, SPONSOR, Story
from evaluator.registry import show_score

Facts = dict[str, Any]


def play(story: Story) -> None:
    """The scenes after the payout, in order. raises StoryBroken"""
    for name, scene in (
        ("scores", scores),
        ("licence", licence),
        ("royalties", royalties),
        ("books", books),
        ("proof", proof),
    ):
        with story.telling.stage(name):
            scene(story)


def scores(story: Story) -> None:
    """Every entry with its scores, and whether the best one clearly beats the untouched base.

    The entries that were not nominated have no final score, and their adapters stay sealed.
    """
    facts, telling = story.telling.facts, story.telling
    rows = rows_of(story, "competitions.Submission")
    contest = rows_of(story, "competitions.Competition")[0]
    evaluator = rows_of(story, "competitions.Evaluator")[0]
    sealed = Slice(*(evaluator[name] for name in ("metric", "final_examples", "final_units")))
    decided = [one for one in rows if one["state"] == "revealed"]
    others = [one for one in rows if one["state"] == "scored"]
    marks = {one["id"]: _mark(one["final_result"], sealed) for one in decided}
    decided.sort(key=lambda one: (-marks[one["id"]].merit, one["committed_ms"]))
    facts["scored"] = [_scored(one, sealed.metric) for one in (*decided, *others)]
    facts["baseline"] = {
        "board": show_score(int(evaluator["board_baseline_e9"])),
        "sealed": show_score(int(contest["baseline_e9"])),
    }
    count = len(decided) + len(others)
    telling.check("three_adapters_scored", holds=count >= 3, says=str(count))
    told = str([one["title"] for one in others])
    telling.check("who_was_not_nominated_stays_sealed", holds=_is_sealed(story, others), says=told)
    baseline = _mark(contest["baseline"], sealed)
    best, alpha = marks[decided[0]["id"]], alpha_for(len(decided))
    telling.check("best_clearly_beats_the_base", holds=best.beats(baseline, alpha))
    gone = [one for one in rows if one["state"] == "refused"]
    is_free = all(one.get("slot") is None for one in gone)
    telling.check("refused_lost_no_quota", holds=len(gone) == 1 and is_free, says=str(gone))


def _is_sealed(story: Story, others: list[Facts]) -> bool:
    """Whether there are such entries, and nobody gets their adapters."""
    paths = [f"/api/blobs/{one['adapter_sha256']}" for one in others]
    return bool(paths) and not any(story.visitors[BUYER].finds(path) for path in paths)


def _mark(told: Facts, sealed: Slice) -> Mark:
    return mark_of(from_json(Result, told), sealed)


def _scored(row: Facts, metric: str) -> Facts:
    final = row.get("final_result")
    result = from_json(Result, final or row["result"])
    interval = interval_e9(result, metric) if final else None
    return {
        "place": row.get("place"),  # absent on the wire: none
        "title": row["title"],
        "owner": row["owner"],
        "board": show_score(int(row["score_e9"])),
        "sealed": show_score(int(row["final_score_e9"]))[:6] if final else "did not decide",
        "interval": [show_score(one) for one in interval or ()],
        "prize_nano": str(row.get("prize_nano") or 0),
        "sandbox_level": result.sandbox_level,
    }


def licence(story: Story) -> None:
    """A commercial user buys the best adapter's licence on the web; it verifies offline."""
    buyer, facts = story.visitors[BUYER], story.telling.facts
    best = facts["board"]["items"][0]
    work = next(one for one in facts["works"] if one["title"] == best["title"])
    pay = f"/models/{work['id']}/buy/"
    (fields,) = forms_to(buyer.get(f"{pay}?uses=commercial").text, pay)
    granted = buyer.post(pay, fields)
    grant = str(granted.url).rstrip("/").rsplit("/", 1)[-1]
    found = buyer.get(f"/api/licences/{grant}").json()
    price = show_tokens(int(found["price_nano"]))
    story.telling.say(BUYER, f"bought commercial use of {best['title']!r} for {price} tokens")
    jws = story.folder / "grant.jws"
    jws.write_text(found["jws"])
    key = buyer.get("/api/log").json()["operator_key"]
    nobody_answers = "http://127.0.0.1:9"
    anyone = Miner("anyone", nobody_answers, story.folder / "homes" / "anyone")
    checked = anyone.assay("licence", "verify", str(jws), "--key", key)
    story.telling.check("licence_verifies_offline", holds=bool(checked), says=str(checked))
    story.telling.say(BUYER, "the grant verifies offline")
    facts["sale"] = {"grant": grant, "price_nano": found["price_nano"], "work": work["id"]}


def royalties(story: Story) -> None:
    """Every contributor draws his part of the sale."""
    facts = story.telling.facts
    for name in (AUTHOR, CONTRIBUTOR, SPONSOR):
        visitor = story.visitors[name]
        page = visitor.get("/royalties/").text
        for work in re.findall(r'<button form="draw" name="work" value="([^"]+)"', page):
            (fields,) = forms_to(visitor.get("/royalties/").text, "/royalties/draw/")
            visitor.post("/royalties/draw/", {**fields, "work": work})
    best = facts["board"]["items"][0]
    miner = story.miners[best["owner"]]
    miner.assay("ledger", "draw", facts["sale"]["work"])
    for line in _lines(story, "royalty"):
        if line["credit"] == line["credit"].split(":")[0]:
            amount = show_tokens(int(line["amount_nano"]))
            story.telling.say(line["credit"], f"drew {amount} tokens of royalty")


def books(story: Story) -> None:
    """Where the prize and the price went, and that nothing was made or lost."""
    facts, telling = story.telling.facts, story.telling
    names = {f"pool:{one['id']}": one["title"] for one in rows_of(story, "licensing.Work")}
    settled = _lines(story, "prize") + _lines(story, "fee", debit=f"escrow:{COMPETITION}")
    facts["payout"] = [_short(one, names) for one in settled]
    paid_nano = sum(int(one["amount_nano"]) for one in settled)
    telling.check("prize_paid_whole", holds=paid_nano == 1000 * 10**9, says=str(paid_nano))
    facts["royalty"] = [
        _short(one, names) for one in rows_of(story, "ledger.Transfer") if one["debit"] == BUYER
    ]
    sold_nano = sum(int(one["amount_nano"]) for one in facts["royalty"])
    holds = sold_nano == int(facts["sale"]["price_nano"])
    telling.check("price_split_to_the_last_nano", holds=holds, says=str(sold_nano))
    facts["drawn"] = [
        _short(one, names) for one in _lines(story, "royalty") if one["debit"].startswith("pool:")
    ]
    accounts = rows_of(story, "ledger.Account")
    total_nano = sum(int(one["available_nano"]) + int(one["pending_out_nano"]) for one in accounts)
    telling.check("sums_conserve", holds=total_nano == 0, says=str(total_nano))
    escrow = next(one for one in accounts if one["id"] == f"escrow:{COMPETITION}")
    left = {escrow["available_nano"], escrow["pending_in_nano"]}
    telling.check("escrow_is_empty", holds=left <= {0, "0"}, says=str(escrow))
    telling.say("books", "prize, price and royalties add up to the last nano")


def rows_of(story: Story, table: str) -> list[Facts]:
    """All rows of a table of the fold, as the site shows them to auditors."""
    found: list[Facts] = []
    while True:
        after = found[-1]["id"] if found else ""
        page = story.visitors[BUYER].get(f"/api/state/{table}?after={after}&limit=500").json()
        found += page["rows"]
        if len(page["rows"]) < 500:
            return found


def forms_to(page: str, action: str) -> list[dict[str, str]]:
    """The hidden fields of every form on a page that is sent to this address."""
    forms = re.findall(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL)
    return [_hidden(form) for head, form in forms if f'action="{action}"' in head]


def _hidden(form: str) -> dict[str, str]:
    found = {}
    for one in re.findall(r"<input[^>]*>", form):
        parts = dict(re.findall(r'(\w+)="([^"]*)"', one))
        if parts.get("type") == "hidden" and parts.get("name") != "csrfmiddlewaretoken":
            found[parts["name"]] = parts.get("value", "")
    return found


def _lines(story: Story, code: str, **wanted: str) -> list[Facts]:
    rows = [one for one in rows_of(story, "ledger.Transfer") if one["code"] == code]
    return [one for one in rows if all(one[name] == value for name, value in wanted.items())]


def _short(line: Facts, names: Mapping[str, str]) -> Facts:
    """A transfer for the report; a pool is called by its work's title."""
    to = line["credit"]
    who = f"pool of {names[to]}" if to in names else to
    return {"code": line["code"], "to": who, "amount_nano": str(line["amount_nano"])}


def proof(story: Story) -> None:
    """Replay every table, then audit the site from outside."""
    telling = story.telling
    with telling.waiting("auditor", "replaying every table from the log"):
        replayed = manage(story.plan, "replay", "--json", may_fail=True)
    told = json.loads(replayed.stdout.strip().splitlines()[-1])
    telling.facts["replay"] = told
    telling.check("replay_equal", holds=replayed.returncode == 0, says=str(told))
    telling.say(
        "auditor", f"replay: {told.get('rows')} rows follow from {told.get('messages')} messages"
    )
    _rerun(story)
    auditor = Miner("auditor", story.url, story.folder / "homes" / "auditor")
    with telling.waiting("auditor", "auditing from outside", auditor.last_words):
        telling.facts["audit"] = auditor.assay("audit", story.url)
    telling.check("audit_ok", holds=True)
    telling.say("auditor", "audit from outside: log, signatures and every row hold")


def _rerun(story: Story) -> None:
    """Somebody computes the best entry's final score again, from what the site made public."""
    anyone = Miner("anyone", story.url, story.folder / "homes" / "anyone")
    best = story.telling.facts["board"]["items"][0]["submission"]
    out = story.folder / "rerun"
    with story.telling.waiting("anyone", "running the best final score again", anyone.last_words):
        told = anyone.run("rerun", best, "--out", str(out), "--json")
    story.telling.check("rerun_gives_the_same_bits", holds=told.returncode == 0, says=told.stdout)
    story.telling.facts["rerun"] = json.loads(told.stdout)
    story.telling.say("anyone", "ran the best final score again: the same bits")
