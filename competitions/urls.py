"""Addresses of the contest: home, competitions, entries, the sponsor's desk."""

from django.urls import path

from competitions.views import board, nomination, review, sponsor

urlpatterns = [
    path("", board.home, name="home"),
    path("competitions/", board.listing, name="competitions"),
    path("competitions/new/", board.new, name="competitions_new"),
    path("competitions/<str:competition>/", board.competition, name="competition"),
    path("competitions/<str:competition>/leaderboard/", board.leaderboard, name="leaderboard"),
    path("competitions/<str:competition>/entries/", board.mine, name="competition_entries"),
    path(
        "competitions/<str:competition>/nominate/",
        nomination.nomination,
        name="competition_nomination",
    ),
    path("competitions/<str:competition>/cancel/", review.cancel, name="competition_cancel"),
    path("competitions/<str:competition>/extend/", review.extend, name="competition_extend"),
    path("submissions/<str:submission>/", board.submission, name="submission"),
    path("submissions/<str:submission>/resume/", board.resume, name="submission_resume"),
    path("sponsor/", sponsor.desk, name="competitions_sponsor"),
    path("sponsor/drafts/<str:draft>/", sponsor.draft, name="draft"),
    path("sponsor/drafts/<str:draft>/discard/", sponsor.discard, name="draft_discard"),
    path("sponsor/drafts/<str:draft>/review/", review.review, name="draft_review"),
    path("sponsor/drafts/<str:draft>/dry-run/", review.dry_run, name="draft_dry_run"),
    path("sponsor/drafts/<str:draft>/publish/", review.publish, name="draft_publish"),
    path("sponsor/drafts/<str:draft>/preview/", sponsor.preview, name="draft_preview"),
    path("sponsor/drafts/<str:draft>/payouts/", sponsor.payouts, name="draft_payouts"),
    path("sponsor/drafts/<str:draft>/<str:step>/", sponsor.step, name="draft_step"),
]
