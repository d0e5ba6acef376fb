"""What changes the rights: registering works, buying licences, drawing royalties, recording."""

from licensing.actions.billing import set_party
from licensing.actions.disputes import judge_dispute, raise_dispute
from licensing.actions.indexes import index_dues, index_work
from licensing.actions.metering import (
    Asked,
    Charge,
    charge,
    close_channel,
    open_channel,
    settle_channel,
    settle_usage,
)
from licensing.actions.provenance import index_outputs, record_outputs
from licensing.actions.reporting import pay_report, report_usage
from licensing.actions.sales import (
    buy_by_token,
    buy_licence,
    draw_royalty,
    refund_licence,
    revoke_licence,
)
from licensing.actions.works import (
    Registration,
    change_terms,
    register_work,
    registration_fact,
    withdraw_work,
)

__all__ = [
    "Asked",
    "Charge",
    "Registration",
    "buy_by_token",
    "buy_licence",
    "change_terms",
    "charge",
    "close_channel",
    "draw_royalty",
    "index_dues",
    "index_outputs",
    "index_work",
    "judge_dispute",
    "open_channel",
    "pay_report",
    "raise_dispute",
    "record_outputs",
    "refund_licence",
    "register_work",
    "registration_fact",
    "report_usage",
    "revoke_licence",
    "set_party",
    "settle_channel",
    "settle_usage",
    "withdraw_work",
]
