"""docs/authorisation.md: who may do what at each address.

tests/hostile/test_authorisation.py asks all of them; a new address without a line here fails it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from config.reference.tables import MADE_BY, table

PAGES = """
GET    /                                                  yes     yes     yes     yes     yes
GET    /account/                                          sign-in yes     yes     yes     yes
GET    /account/enter/{code}/                             yes     yes     yes     yes     yes
POST   /account/enter/{code}/                             yes     yes     yes     yes     yes
GET    /account/keys/                                     sign-in yes     yes     yes     yes
POST   /account/keys/                                     sign-in yes     yes     yes     yes
GET    /account/keys/{public}/revoke/                     sign-in unseen  yes     unseen  unseen
POST   /account/keys/{public}/revoke/                     sign-in unseen  yes     unseen  unseen
GET    /account/limits/                                   sign-in yes     yes     yes     yes
GET    /account/password/                                 sign-in yes     yes     yes     yes
POST   /account/password/                                 sign-in yes     yes     yes     yes
GET    /account/password/set/                             sign-in yes     yes     yes     yes
POST   /account/password/set/                             sign-in yes     yes     yes     yes
GET    /account/sign-in/                                  yes     yes     yes     yes     yes
POST   /account/sign-in/                                  yes     yes     yes     yes     yes
GET    /account/sign-out/                                 yes     yes     yes     yes     yes
POST   /account/sign-out/                                 yes     yes     yes     yes     yes
GET    /account/sign-up/                                  yes     yes     yes     yes     yes
POST   /account/sign-up/                                  yes     yes     yes     yes     yes
GET    /account/tokens/                                   sign-in yes     yes     yes     yes
POST   /account/tokens/                                   sign-in yes     yes     yes     yes
POST   /account/tokens/{prefix}/revoke/                   sign-in yes     yes     yes     yes
GET    /accounts/{name}/                                  yes     yes     yes     yes     yes
GET    /accounts/{name}/close/                            sign-in no      yes     no      no
POST   /accounts/{name}/close/                            sign-in no      yes     no      no
POST   /accounts/{name}/play-money/                       sign-in no      yes     no      no
GET    /competitions/                                     yes     yes     yes     yes     yes
GET    /competitions/new/                                 yes     yes     yes     yes     yes
GET    /competitions/{competition}/                       yes     yes     yes     yes     yes
POST   /competitions/{competition}/cancel/                sign-in no      yes     yes     no
GET    /competitions/{competition}/entries/               sign-in yes     yes     yes     yes
POST   /competitions/{competition}/extend/                sign-in no      yes     yes     no
GET    /competitions/{competition}/leaderboard/           yes     yes     yes     yes     yes
GET    /competitions/{competition}/nominate/              sign-in yes     yes     yes     yes
POST   /competitions/{competition}/nominate/              sign-in yes     yes     yes     yes
GET    /docs/                                             yes     yes     yes     yes     yes
GET    /healthz                                           yes     yes     yes     yes     yes
GET    /licences/                                         sign-in yes     yes     yes     yes
GET    /licences/revoked.txt                              yes     yes     yes     yes     yes
GET    /.well-known/jwks.json                             yes     yes     yes     yes     yes
GET    /licences/{grant}/                                 yes     yes     yes     yes     yes
GET    /licences/{grant}/invoice/                         sign-in unseen  yes     unseen  unseen
POST   /licences/{grant}/invoice/                         sign-in unseen  yes     unseen  unseen
GET    /licences/{grant}/grant.jws                        yes     yes     yes     yes     yes
GET    /log/                                              yes     yes     yes     yes     yes
GET    /log/checkpoint                                    yes     yes     yes     yes     yes
GET    /log/entry/{item}                                  yes     yes     yes     yes     yes
GET    /log/receipt/{item}                                yes     yes     yes     yes     yes
GET    /log/tile/{level}/{place}                          yes     yes     yes     yes     yes
GET    /log/witnessed                                     yes     yes     yes     yes     yes
GET    /messages/{item}/                                  yes     yes     yes     yes     yes
GET    /models/                                           yes     yes     yes     yes     yes
GET    /models/{work}/                                    yes     yes     yes     yes     yes
GET    /models/{work}/buy/                                sign-in yes     yes     yes     yes
POST   /models/{work}/buy/                                sign-in yes     yes     yes     yes
GET    /models/{work}/children/                           yes     yes     yes     yes     yes
GET    /provenance/                                       yes     yes     yes     yes     yes
POST   /provenance/                                       yes     yes     yes     yes     yes
GET    /royalties/                                        sign-in yes     yes     yes     yes
POST   /royalties/draw/                                   sign-in yes     yes     yes     yes
GET    /royalties/statement.csv                           sign-in yes     yes     yes     yes
GET    /royalties/statement.json                          sign-in yes     yes     yes     yes
GET    /royalties/statement/                              sign-in yes     yes     yes     yes
GET    /sponsor/                                          sign-in yes     yes     yes     yes
POST   /sponsor/                                          sign-in yes     yes     yes     yes
GET    /sponsor/drafts/{draft}/                           sign-in unseen  yes     yes     unseen
POST   /sponsor/drafts/{draft}/discard/                  sign-in unseen  yes     yes     unseen
POST   /sponsor/drafts/{draft}/dry-run/                   sign-in unseen  yes     yes     unseen
GET    /sponsor/drafts/{draft}/payouts/                   sign-in unseen  yes     yes     unseen
GET    /sponsor/drafts/{draft}/preview/                   sign-in unseen  yes     yes     unseen
POST   /sponsor/drafts/{draft}/publish/                   sign-in unseen  yes     yes     unseen
GET    /sponsor/drafts/{draft}/review/                    sign-in unseen  yes     yes     unseen
GET    /sponsor/drafts/{draft}/{step}/                    sign-in unseen  yes     yes     unseen
POST   /sponsor/drafts/{draft}/{step}/                    sign-in unseen  yes     yes     unseen
GET    /submissions/{submission}/                         yes     yes     yes     yes     yes
POST   /submissions/{submission}/resume/                  sign-in no      yes     no      no
"""
PROGRAMS = """
GET    /api/accounts/{name}                               yes     yes     yes     yes     yes
GET    /api/accounts/{name}/statement                     yes     yes     yes     yes     yes
DELETE /api/auth/token                                    sign-in yes     yes     yes     yes
POST   /api/auth/token                                    yes     yes     yes     yes     yes
GET    /api/auth/whoami                                   sign-in yes     yes     yes     yes
GET    /api/blobs/{sha256}                                yes     yes     yes     yes     yes
HEAD   /api/blobs/{sha256}                                sign-in yes     yes     yes     yes
PUT    /api/blobs/{sha256}                                sign-in yes     yes     yes     yes
GET    /api/blobs/{sha256}/chunks                         yes     yes     yes     yes     yes
GET    /api/blobs/{sha256}/chunks/{index}                 yes     yes     yes     yes     yes
GET    /api/competitions                                  yes     yes     yes     yes     yes
GET    /api/competitions/{name}                           yes     yes     yes     yes     yes
GET    /api/competitions/{name}/adapters                  yes     yes     yes     yes     yes
GET    /api/competitions/{name}/leaderboard               yes     yes     yes     yes     yes
GET    /api/competitions/{name}/leaderboard.csv           yes     yes     yes     yes     yes
GET    /api/competitions/{name}/nomination                sign-in yes     yes     yes     yes
GET    /api/licences                                      sign-in yes     yes     yes     yes
POST   /api/v1/licences                                   sign-in yes     yes     yes     yes
GET    /api/licences/{grant}                              yes     yes     yes     yes     yes
GET    /api/licences/{grant}/reports                      yes     yes     yes     yes     yes
GET    /api/log                                           yes     yes     yes     yes     yes
POST   /api/messages                                      yes     yes     yes     yes     yes
GET    /api/openapi.json                                  yes     yes     yes     yes     yes
GET    /api/royalties                                     sign-in yes     yes     yes     yes
GET    /api/royalties/statement                           sign-in yes     yes     yes     yes
POST   /api/sessions                                      yes     yes     yes     yes     yes
POST   /api/sessions/keys                                 yes     yes     yes     yes     yes
POST   /api/sessions/web                                  yes     yes     yes     yes     yes
GET    /api/state                                         yes     yes     yes     yes     yes
GET    /api/state/{table}                                 yes     yes     yes     yes     yes
GET    /api/submissions                                   sign-in yes     yes     yes     yes
POST   /api/submissions/openings                         sign-in yes     yes     yes     yes
GET    /api/submissions/{name}                            yes     yes     yes     yes     yes
GET    /api/submissions/{name}/receipts/{slice_name}      unseen  unseen  unseen  unseen  unseen
POST   /api/uploads                                       sign-in yes     yes     yes     yes
DELETE /api/uploads/{upload}                              sign-in unseen  yes     unseen  unseen
GET    /api/uploads/{upload}                              sign-in unseen  yes     unseen  unseen
POST   /api/uploads/{upload}/complete                     sign-in unseen  yes     unseen  unseen
GET    /api/uploads/{upload}/parts/{number}               sign-in unseen  yes     unseen  unseen
PUT    /api/uploads/{upload}/parts/{number}               sign-in unseen  yes     unseen  unseen
GET    /api/v1/channels/{channel}                         unseen  unseen  unseen  unseen  unseen
GET    /api/v1/rail/batches/{batch}                       yes     yes     yes     yes     yes
GET    /api/v1/rail/lookup                                yes     yes     yes     yes     yes
POST   /api/v1/rail/lookups                               yes     yes     yes     yes     yes
GET    /api/works                                         yes     yes     yes     yes     yes
GET    /api/works/{work}                                  yes     yes     yes     yes     yes
POST   /api/works/{work}/delivery                         yes     yes     yes     yes     yes
POST   /api/works/{work}/delivery/challenge               yes     yes     yes     yes     yes
GET    /api/works/{work}/download                         yes     yes     yes     yes     yes
GET    /api/works/{work}/file                             no      no      no      no      no
GET    /api/works/{work}/folder.zip                       unseen  unseen  unseen  unseen  unseen
GET    /api/works/{work}/quote                            yes     yes     yes     yes     yes
"""
INTRODUCTION = """Every address, each method that it takes, and what it answers to whom. A method
that is not listed and is taken fails the tests, and so does an answer that differs.

- *anonymous*: nobody is signed in, and there is no token.
- *other*: an account that has nothing to do with what the address names.
- *owner*: whose the thing is: the entry, the draft, the account, the key, the upload, the licence.
- *sponsor*: of the competition concerned.
- *operator*: an account that the database marks as staff. No page gives it more than others, since
  the operator works by `manage.py` on the host.

| answer | means |
|---|---|
| yes | it is answered; what is shown or done is only what this account may see or do |
| sign-in | the way to the sign-in page, or `auth.required` |
| no | refused with 403: the thing is public, the deed is not |
| unseen | 404, the same as for what is not there |

Pages go by session, the API by token. A token also needs the scope that
[openapi.json](openapi.json) names for the operation. An order (`POST /api/messages`) is judged by
whose key signed it. A code in an address (`/account/enter/`) is itself the right to use it, once. A
token that is not one's own is not revoked, and nothing says so. The file that is asked for here is
public. The work is a data set, and only an adapter has a folder."""


class Door(NamedTuple):
    """One method of one address, and the answer to each role."""

    method: str
    address: str
    anonymous: str
    other: str
    owner: str
    sponsor: str
    operator: str


def doors() -> Iterator[Door]:
    """Every line."""
    for line in (PAGES + PROGRAMS).split("\n"):
        if line:
            yield Door(*line.split())


def authorisation_page() -> str:
    """The whole page."""
    head = tuple(name.replace("_", " ") for name in Door._fields)
    lines = [one._replace(address=f"`{one.address}`") for one in doors()]
    pages = [one for one in lines if not one.address.startswith("`/api/")]
    programs = [one for one in lines if one not in pages]
    parts = [f"# Who may do what\n\n{MADE_BY}\n\n{INTRODUCTION}"]
    parts += [
        f"## Pages and files\n\n{table(head, pages)}",
        f"## The API\n\n{table(head, programs)}",
    ]
    return "\n\n".join(parts) + "\n"
