"""The sponsor's way: a draft page by page, the dry run, the stake; and what goes wrong on it."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from competitions import queries
from competitions.actions import drafts
from competitions.errors import PreparationRefused
from competitions.models import Draft
from licensing import queries as rights
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("clock"),
]
HTML = {"accept": "text/html"}
TASK = {"title": "Which library?", "competition": "docs", "summary": "Docstrings of eight."}
DATA = {
    "base": "minilm-l6-v2",
    "metric": "accuracy",
    "columns": "",
    "options": "",
    "max_tokens": "48",
    "min_sandbox_level": "seccomp",
}
PRIZE = {
    "prize": "1000",
    "curve": "8,4,2,1",
    "opens": "",
    "closes": "",
    "closes_in": "10 min",
    "dispute": "30 s",
    "quota": "5",
    "window": "1 day",
}
LATE = {"opens": "2030-02-01T10:00", "closes": "2030-01-31T10:00", "closes_in": ""}
TERMS = {
    "commercial": "fee",
    "commercial_fee": "100",
    "derive_share": "",
    "train": "none",
    "data_share": "10",
    "contributors": "sponsor 3\nmate 1",
}


def files(**kinds):
    return {
        name: SimpleUploadedFile(
            f"{name}.{kinds.get(name, 'jsonl')}", f'{{"text":"{name}"}}\n'.encode() * 6
        )
        for name in ("train", "public", "board", "final")
    }


@pytest.fixture
def sponsor(signed_in):
    factories.account("mate")
    factories.account("sponsor", "10000")
    return signed_in("sponsor")


def begin(client):
    return client.post("/sponsor/").headers["Location"].split("/")[3]


def send(client, draft, step, **fields):
    return client.post(f"/sponsor/drafts/{draft}/{step}/", fields, headers=HTML)


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.text))


def test_a_visitor_is_asked_to_sign_in_first(client):
    assert client.get("/sponsor/").headers["Location"].startswith("/account/sign-in/")


def test_four_pages_a_dry_run_and_a_stake_make_a_competition(sponsor):
    draft = begin(sponsor)
    assert send(sponsor, draft, "task", **TASK).headers["Location"].endswith("/data/")
    assert send(sponsor, draft, "data", **DATA, **files()).headers["Location"].endswith("/data/")
    factories.previewed(draft)
    assert send(sponsor, draft, "data", **DATA).headers["Location"].endswith("/prize/")
    assert send(sponsor, draft, "prize", **PRIZE).headers["Location"].endswith("/terms/")
    assert send(sponsor, draft, "terms", **TERMS).headers["Location"].endswith("/review/")
    asked = sponsor.post(f"/sponsor/drafts/{draft}/dry-run/")
    assert asked.headers["Location"].endswith("/review/")
    assert "every 2s" in sponsor.get(f"/sponsor/drafts/{draft}/review/").text
    assert Draft.objects.get(pk=draft).state == "waiting"


def test_what_was_typed_and_uploaded_is_still_there(sponsor):
    draft = begin(sponsor)
    send(sponsor, draft, "task", **TASK)
    send(sponsor, draft, "data", **DATA, **files(train="csv"))
    assert 'value="Which library?"' in sponsor.get(f"/sponsor/drafts/{draft}/task/").text
    html = sponsor.get(f"/sponsor/drafts/{draft}/data/").text
    assert "train.csv" in html
    assert send(sponsor, draft, "data", **DATA).status_code == 302, "no second upload is needed"
    assert sponsor.get(f"/sponsor/drafts/{draft}/").headers["Location"].endswith("/prize/")


def test_a_ready_draft_shows_evaluator_baseline_and_what_is_taken_then_is_published(sponsor):
    factories.base_work()
    draft = factories.ready_draft(contributors="sponsor 3\nmate 1")
    page = sponsor.get(f"/sponsor/drafts/{draft.id}/review/")
    assert draft.prepared["manifest_sha256"] in page.text
    assert "0.250000000" in page.text
    assert "Stake 1100 tokens and publish" in page.text
    answer = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/")
    assert answer.headers["Location"] == "/competitions/docs/"
    contest = queries.competition("docs")
    assert contest.phase == "funded"
    assert factories.ledger_queries.balance_nano("sponsor") == 8900 * 10**9
    payees = rights.payees(contest.spec["data_work"]).values_list("payee", "weight")
    assert dict(payees) == {"mate": 1, "sponsor": 3}
    assert ("Derivation", "Allowed-With-RevenueShare-10%") in rights.tags_of(
        rights.work(contest.spec["data_work"])
    )
    assert "1100 tokens are in escrow" in sponsor.get("/competitions/docs/").text
    again = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/")
    assert again.headers["Location"] == "/competitions/docs/"
    assert factories.ledger_queries.balance_nano("sponsor") == 8900 * 10**9
    assert sponsor.get(f"/sponsor/drafts/{draft.id}/task/").headers["Location"].endswith("/docs/")


def test_terms_become_canonical_tags(sponsor):
    factories.base_work()
    draft = factories.ready_draft(commercial_fee="12.5", derive_share="2.5", train="free")
    sponsor.post(f"/sponsor/drafts/{draft.id}/publish/")
    tags = dict(queries.competition("docs").spec["required_tags"])
    assert tags["Commercial-Use"] == "Allowed-With-Fee-One-Time-12.5"
    assert tags["Derivation"] == "Allowed-With-RevenueShare-2.5%"
    assert tags["Data-Model-Training"] == "Allowed"
    assert tags["Currency"] == "ASSAY"


MISTAKES = [
    ("task", TASK | {"title": ""}, "This field is required."),
    ("task", TASK | {"competition": "Docs!"}, "small letters, digits and single hyphens"),
    ("task", TASK | {"competition": "new"}, "is taken"),
    ("task", TASK | {"competition": "taken"}, "is taken"),
    ("data", DATA, "Choose a file."),
    ("data", DATA | {"max_tokens": "many"}, "Enter a whole number."),
    ("data", DATA | {"columns": "text = --out"}, "is no line of the form"),
    ("data", DATA | {"columns": "body = text"}, "There is no body. This metric has: text, label"),
    ("data", DATA | {"options": "speed = 9"}, "There is no speed. This metric has:"),
    ("data", DATA | {"min_sandbox_level": "none"}, "Select a valid choice."),
    ("data", DATA | {"base": "quick"}, "Select a valid choice."),
    ("data", DATA | {"base": "gpt"}, "Select a valid choice."),
    ("prize", PRIZE | {"prize": "1e9"}, "such as 12.5"),
    ("prize", PRIZE | {"curve": "8;4"}, "never rise"),
    ("prize", PRIZE | {"prize": "0"}, "more than nothing"),
    ("prize", PRIZE | {"prize": "9000000000"}, "more than there can be"),
    ("prize", PRIZE | {"curve": "0,0"}, "never rise"),
    ("prize", PRIZE | {"curve": "8,4,0"}, "never rise"),
    ("prize", PRIZE | {"curve": "1,2"}, "never rise"),
    ("prize", PRIZE | {"curve": ",".join("1" * 65)}, "never rise"),
    ("prize", PRIZE | {"window": "0 s"}, "one second to thirty days"),
    ("prize", PRIZE | {"window": "5 weeks"}, "one second to thirty days"),
    ("prize", PRIZE | {"dispute": "5 weeks"}, "at most thirty days"),
    ("prize", PRIZE | {"quota": "1001"}, "less than or equal to 1000"),
    ("prize", PRIZE | {"closes_in": "5 s"}, "ten seconds at least"),
    ("prize", PRIZE | {"closes_in": "150 weeks"}, "two years away"),
    ("prize", PRIZE | {"closes_in": "", "closes": "2129-01-01T00:00"}, "two years away"),
    ("prize", PRIZE | {"closes_in": "", "closes": "2029-12-31T00:00"}, "in the past"),
    ("prize", PRIZE | {"opens": "2029-12-01T00:00"}, "more than a day ago"),
    ("prize", PRIZE | LATE, "open for ten seconds"),
    ("task", TASK | {"title": "one\u2028line"}, "holds U+2028, which cannot be printed"),
    ("task", TASK | {"title": "from the \u202eright"}, "holds U+202E"),
    ("task", TASK | {"title": "x" * 81}, "at most 80 characters"),
    ("task", TASK | {"summary": "x" * 2001}, "at most 2000 characters"),
    ("prize", PRIZE | {"closes_in": ""}, "Say when it closes"),
    ("prize", PRIZE | {"closes": "2030-02-01T10:00"}, "Name the close once"),
    ("prize", PRIZE | {"closes": "tomorrow", "closes_in": ""}, "Write the time as"),
    ("prize", PRIZE | {"closes_in": "a while"}, "10 min"),
    ("prize", PRIZE | {"quota": "0"}, "greater than or equal to 1"),
    ("terms", TERMS | {"commercial_fee": ""}, "Name the highest fee"),
    ("terms", TERMS | {"data_share": "101"}, "between 0 and 100"),
    ("terms", TERMS | {"contributors": "nobody 1"}, "no account nobody"),
    ("terms", TERMS | {"contributors": "mate 1\nmate 2"}, "each account once"),
    ("terms", TERMS | {"contributors": "mate: lots"}, "account weight"),
]


@pytest.mark.parametrize(("step", "fields", "says"), MISTAKES)
def test_a_mistake_is_named_at_its_field_and_nothing_typed_is_lost(sponsor, step, fields, says):
    if fields.get("competition") == "taken":
        factories.competition("taken", "other")
    draft = begin(sponsor)
    answer = send(sponsor, draft, step, **fields)
    assert answer.status_code == 422
    assert says in plain(answer)
    assert 'aria-invalid="true"' in answer.text
    kept = Draft.objects.get(pk=draft).fields
    assert all(kept[name] == value for name, value in fields.items())
    assert says in plain(sponsor.get(f"/sponsor/drafts/{draft}/{step}/"))
    assert sponsor.get(f"/sponsor/drafts/{draft}/review/").status_code == 200


def test_every_error_is_listed_and_tied_to_its_field_and_the_first_one_has_the_focus(sponsor):
    wrong = PRIZE | {"prize": "0", "window": "0 s"}
    html = send(sponsor, begin(sponsor), "prize", **wrong).text
    summary, _, rest = html.partition("</ul></div>")
    for name in ("prize", "window"):
        assert f'href="#id_{name}"' in summary
        (field,) = re.findall(rf"<input[^>]*id=\"id_{name}\"[^>]*>", rest)
        (told,) = re.findall(r"aria-describedby=\"([^\"]*)\"", field)
        assert all(f'id="{one}"' in rest for one in told.split())
        assert f"id_{name}_error" in told.split()
        assert ("autofocus" in field) == (name == "prize")


def test_a_character_that_no_database_holds_is_refused_and_the_rest_of_the_page_is_kept(sponsor):
    draft = begin(sponsor)
    answer = send(sponsor, draft, "task", **TASK | {"title": "Which\0one?"})
    assert answer.status_code == 422
    kept = Draft.objects.get(pk=draft).fields
    assert kept["title"] == "Which\ufffdone?"
    assert kept["summary"] == TASK["summary"]
    assert "cannot be printed" in plain(sponsor.get(f"/sponsor/drafts/{draft}/task/"))


def test_a_title_may_be_written_in_every_script(sponsor):
    for title in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f52c\ufe0f lab",
        "数据 2",
    ):
        assert send(sponsor, begin(sponsor), "task", **TASK | {"title": title}).status_code == 302


def test_the_places_that_a_prize_pays_are_shown_while_it_is_typed_and_after_saving(sponsor):
    draft = begin(sponsor)
    piece = sponsor.get(f"/sponsor/drafts/{draft}/payouts/", {"prize": "1000", "curve": "8,4,2,1"})
    assert piece.text.startswith('<section id="payout-preview"')
    rows = [plain_row(one) for one in re.findall(r"<tr>(.*?)</tr>", piece.text)]
    assert rows[1] == ["1", "925", "616.666666666", "493.333333333", "493.333333333"]
    assert rows[2] == ["2", "–", "308.333333333", "246.666666666", "246.666666666"]
    assert rows[4] == ["4", "–", "–", "61.666666666", "61.666666666"]
    for wrong in ({"prize": "0"}, {"curve": "0,0"}, {"prize": ""}):
        typed = {"prize": "1000", "curve": "8,4,2,1"} | wrong
        told = sponsor.get(f"/sponsor/drafts/{draft}/payouts/", typed)
        assert "as soon as prize and curve can be read" in told.text
    assert "616.66" not in sponsor.get(f"/sponsor/drafts/{draft}/prize/").text
    send(sponsor, draft, "prize", **PRIZE)
    assert "616" in sponsor.get(f"/sponsor/drafts/{draft}/prize/").text


def plain_row(row):
    return [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]


def test_a_file_of_another_kind_or_too_large_is_refused_at_its_field(sponsor, settings):
    draft = begin(sponsor)
    answer = send(sponsor, draft, "data", **DATA, **files(public="xlsx"))
    assert "Choose a .csv, .jsonl or .parquet file." in answer.text
    settings.DATA_FILE_LIMIT_BYTES = 4
    answer = send(sponsor, draft, "data", **DATA, **files())
    assert answer.status_code == 422
    assert "Choose a smaller one" in answer.text
    assert set(Draft.objects.get(pk=draft).files) == {"train", "board", "final"}, (
        "the good ones are kept"
    )


def test_a_dispute_window_below_the_sites_shortest_is_refused(sponsor, settings):
    settings.DISPUTE_LEAST_S = 3600
    answer = send(sponsor, begin(sponsor), "prize", **PRIZE)
    assert "3600 s at least" in answer.text


def test_too_little_money_is_told_with_the_amount_that_is_missing(sponsor):
    factories.base_work()
    draft = factories.ready_draft(prize="10000")
    assert "1000 tokens are missing" in sponsor.get(f"/sponsor/drafts/{draft.id}/review/").text
    answer = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/", headers=HTML)
    assert answer.status_code == 409
    assert "ledger.overdrawn" in answer.text
    assert "Add 1000 tokens" in plain(answer), plain(answer)
    assert not queries.has_competition("docs")
    assert Draft.objects.get(pk=draft.id).state == "ready"
    assert not rights.has_work("data:" + draft.prepared["files"][1]["sha256"]), "all or nothing"


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        (
            {"closes": "2029-12-31T00:00", "closes_in": ""},
            "dates_invalid",
            "The close is in the past",
        ),
        (
            {"opens": "2030-02-01T10:00", "closes": "2030-01-31T10:00", "closes_in": ""},
            "dates_invalid",
            "open for ten seconds",
        ),
        ({"prize": "0"}, "spec_invalid", "more than nothing"),
        ({"curve": "0,0"}, "spec_invalid", "never rise"),
    ],
)
def test_what_the_rules_refuse_comes_back_with_code_and_the_page_to_correct(
    sponsor, fields, code, says
):
    factories.base_work()
    draft = factories.ready_draft(**fields)
    answer = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/", headers=HTML)
    assert answer.status_code == 422
    assert f"competition.{code}" in answer.text
    assert says in answer.text
    assert f'href="/sponsor/drafts/{draft.id}/prize/"' in answer.text
    assert not queries.has_competition("docs")


def test_a_base_without_a_licence_names_who_must_act(sponsor):
    draft = factories.ready_draft()
    assert "register_base" in sponsor.get(f"/sponsor/drafts/{draft.id}/review/").text
    answer = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/", headers=HTML)
    assert answer.status_code == 422
    assert "register_base" in answer.text


def test_publishing_before_the_dry_run_is_refused(sponsor):
    factories.base_work()
    draft = factories.draft()
    answer = sponsor.post(f"/sponsor/drafts/{draft.id}/publish/", headers=HTML)
    assert answer.status_code == 409
    assert "competition.dry_run_missing" in answer.text
    assert "Start the dry run" in answer.text


def test_a_dry_run_without_files_leads_to_the_page_that_takes_them(sponsor):
    draft = begin(sponsor)
    answer = sponsor.post(f"/sponsor/drafts/{draft}/dry-run/")
    assert answer.headers["Location"].endswith("/data/")


def test_a_refused_dry_run_tells_code_cause_and_next_step_and_starts_again(sponsor):
    draft = factories.draft()
    drafts.request_preparation(draft.id, sponsor="sponsor", now=factories.NOW)
    fence = drafts.lease_preparation(draft=draft.id, now=factories.NOW)
    error = PreparationRefused.told(
        {"code": "data.malformed", "message": "Row 7 is no JSON.", "next": "Mend it.", "facts": {}}
    )
    drafts.record_refusal(draft=draft.id, fence=fence, error=error, now=factories.NOW)
    html = sponsor.get(f"/sponsor/drafts/{draft.id}/review/").text
    for word in ("data.malformed", "Row 7 is no JSON.", "Mend it.", "Start it again"):
        assert word in html
    sponsor.post(f"/sponsor/drafts/{draft.id}/dry-run/")
    assert Draft.objects.get(pk=draft.id).state == "waiting"


def test_another_sponsors_draft_is_not_there(sponsor):
    draft = factories.draft("other")
    for path in ("", "task/", "review/"):
        answer = sponsor.get(f"/sponsor/drafts/{draft.id}/{path}", headers=HTML)
        assert answer.status_code == 404
        assert "competition.draft_unknown" in answer.text


def test_the_desk_lists_drafts_and_competitions_in_few_queries(
    sponsor, django_assert_max_num_queries
):
    factories.competition("one")
    factories.competition("two")
    factories.draft(name="three")
    factories.draft(name="four")
    with django_assert_max_num_queries(14):
        html = sponsor.get("/sponsor/").text
    assert "The one question" in html
    assert html.count("<li>") == 4


def test_the_web_process_never_opens_a_data_file(sponsor, monkeypatch):
    opened = []
    monkeypatch.setattr("ledger.blobs.open_blob", opened.append)
    draft = begin(sponsor)
    send(sponsor, draft, "data", **DATA, **files())
    sponsor.get(f"/sponsor/drafts/{draft}/data/")
    sponsor.get(f"/sponsor/drafts/{draft}/review/")
    assert not opened
