"""What a page says once the log has taken what somebody asked for: it names the receipt.

There is one way: every view whose action records a message ends with `accepted`.
"""

from django.contrib import messages as notices
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join


def receipt_url(item: str) -> str:
    """Where the `.tlog-proof` of a message is, as soon as a checkpoint covers it.

    item  id of a message
    """
    return f"/log/receipt/{item}"


def accepted(request: HttpRequest, told: str, *recorded: tuple[str, str]) -> None:
    """Say on the next page what was done, and link the receipt of each message that asked for it.

    told      whole sentences
    recorded  (kind, id) of each message: of the order, or of the fact where there is no order
    """
    links = format_html_join(
        " ",
        '<a href="{}">Receipt of {}</a>',
        ((receipt_url(item), kind) for kind, item in recorded),
    )
    notices.success(request, format_html("{} {}", told, links))
