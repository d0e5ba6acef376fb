"""How quantities look: `{% load assay %}`. Every figure on a page goes through one of these."""

import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from assay.money import show_tokens

register = template.Library()

E9 = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_MS, _MOST_MS = -62_135_596_800_000, 253_402_300_799_000  # the years 1 and 9999
_SPAN = 1000
_GAP = 6  # of 1000: between two parts of a bar, 2 px on a narrow screen
_HASH = re.compile(r"[0-9a-f]{32,}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STATES_OF_TONE = (
    ("live", ("open", "opened", "running", "scoring", "active", "live", "leased", "improved")),
    ("wait", ("draft", "funded", "queued", "committed", "pending", "closed", "verifying")),
    ("wait", ("provisional", "disputed", "received", "measuring", "uploading")),
    ("done", ("settled", "scored", "final_scored", "revealed", "done", "paid", "granted")),
    ("done", ("posted", "passed", "equal", "proven", "measured")),
    ("wrong", ("refused", "failed", "failed_infra", "aborted", "expired", "revoked", "forfeited")),
    ("wrong", ("invalid", "duplicate", "overdrawn")),
)
_TONES = MappingProxyType({state: name for name, states in _STATES_OF_TONE for state in states})


@register.filter
def tokens(amount_nano: int) -> str:
    """`12500000000` -> `12.5`: exact, plain text, no unit; for sentences and attributes."""
    return show_tokens(int(amount_nano))


@register.simple_tag
def money(
    amount_nano: int, unit: str = "tokens", *, signed: bool = False, full: bool = False
) -> SafeString:
    """An amount as it stands in tables: groups of three, quiet decimals, unit; copies plainly.

    signed  a plus before what came in
    full    all nine places, so that the points of a column stand below each other
    All but the unit is digits and our own words: hundreds on a page are not escaped one by one.
    """
    nano = int(amount_nano)
    whole, _, part = show_tokens(abs(nano)).partition(".")
    first = len(whole) % 3 or 3
    groups = [whole[at : at + 3] for at in range(first, len(whole), 3)]
    rest = ("" if part else ".") + "0" * (9 - len(part)) if full else ""
    shown = [
        _sign(nano, signed=signed),
        whole[:first],
        *(f'<span class="g">{group}</span>' for group in groups),
        f'<span class="part">.{part}</span>' if part else "",
        f'<span class="rest" aria-hidden="true">{rest}</span>' if rest else "",
        f' <span class="unit">{escape(unit)}</span>' if unit else "",
    ]
    return SafeString(f'<span class="money">{"".join(shown)}</span>')


@register.filter
def percent(value_e9: int | None, places: int = 2) -> str:
    """`683333333` -> `68.33 %`; rounds half away from zero, once, here; nothing for None."""
    if value_e9 is None:
        return "\u2013"
    step = 10 ** (7 - places)
    whole, part = divmod((abs(int(value_e9)) + step // 2) // step, 10**places)
    minus = "\u2212" if int(value_e9) < 0 and (whole or part) else ""
    return f"{minus}{whole}.{part:0{places}d}\u00a0%" if places else f"{minus}{whole}\u00a0%"


@register.filter
def share_percent(rate_e8: int) -> str:
    """`12500000` -> `12.50 %`: a rate or a share out of 10^8."""
    return percent(int(rate_e8) * 10)


@register.filter
def moment(at: int | datetime | None) -> SafeString | str:
    """A time, from milliseconds or a datetime, as <time> in UTC; the script adds local time."""
    if at is None:
        return "\u2013"
    when = at if isinstance(at, datetime) else _from_ms(int(at))
    when = when.astimezone(UTC)
    said = f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"
    iso = when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return SafeString(f'<time class="num" datetime="{iso}">{said}</time>')  # digits and our words


@register.simple_tag
def until(at: int | datetime, now: int | datetime) -> str:
    """How long from now: `in 3 days`, `in 2 h 05 min`, `12 min ago`; whole units only."""
    end = at if isinstance(at, datetime) else _from_ms(int(at))
    start = now if isinstance(now, datetime) else _from_ms(int(now))
    seconds = int((end - start).total_seconds())
    words = _duration(abs(seconds))
    return f"in {words}" if seconds >= 0 else f"{words} ago"


@register.filter
def lasts(seconds: int) -> str:
    """A time from now on: `12 s`, `5 min`, `2 h 05 min`; whole units only."""
    return _duration(int(seconds))


@register.filter
def short(sha: str, letters: int = 10) -> str:
    """The first letters of a hash, with a sign that there is more."""
    text = str(sha)
    return text if len(text) <= letters else f"{text[:letters]}\u2026"


@register.filter
def brief(name: str) -> str:
    """`pool:` and 64 digits -> `pool:d9d7e28a\u2026`: a name with its hashes cut short."""
    return _HASH.sub(lambda found: short(found[0], 8), str(name))


@register.filter
def tone(state: str) -> str:
    """live, wait, done, wrong or quiet: how the chip of a state looks."""
    return _TONES.get(str(state), "quiet")


@register.filter
def words(state: str) -> str:
    """`final_scored` -> `Final scored`: a state as a reader says it."""
    text = str(state).replace("_", " ")
    return text[:1].upper() + text[1:]


@register.simple_tag
def chip(state: str = "", *, label: str = "", like: str = "") -> SafeString:
    """A state as a small label; not by colour alone.

    label  what stands there, else the state in words;  like: the state that it looks like
    No template of its own: a list draws a hundred of them.
    """
    said = escape(label or words(state))
    return SafeString(f'<span class="chip chip-{tone(like or state)}">{said}</span>')


@register.simple_tag(takes_context=True)
def here(context: template.Context, prefix: str) -> SafeString:
    """` aria-current="page"` when the page lies below this address."""
    request = context.get("request")
    is_here = request is not None and request.path.startswith(prefix)
    return SafeString(' aria-current="page"' if is_here else "")


@register.filter
def digits(text: str | None) -> SafeString:
    """A score as text with its later digits quiet, or a dash; copies plainly."""
    if not text:
        return SafeString('<span class="soft">\u2013</span>')
    return format_html(
        '<span class="num">{}<span class="soft small">{}</span></span>', text[:5], text[5:]
    )


@register.simple_tag
def interval(
    low_e9: int, score_e9: int, high_e9: int, base_e9: int | None = None, *, span: str = "0 1"
) -> SafeString:
    """The uncertainty bar of a score: low to high, the score, and the baseline as a dashed line.

    span  the two ends of the scale, in whole scores: "0 1", or "0.4 0.9"
    """
    from_e9, to_e9 = (_e9(end) for end in span.split())
    low, at, high = (_place(one, from_e9, to_e9) for one in (low_e9, score_e9, high_e9))
    title = f"{percent(score_e9)}, between {percent(low_e9)} and {percent(high_e9)}"
    base = "" if base_e9 is None else _line(_place(base_e9, from_e9, to_e9), "base", 0, 20)
    # Whole numbers and our own words: a board draws a hundred of these.
    return SafeString(
        '<svg class="interval" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img"'
        f' aria-label="{title}"><title>{title}</title><line x1="0" y1="10" x2="1000" y2="10"/>'
        f'{base}<line class="spread" x1="{low}" y1="10" x2="{high}" y2="10"/>'
        f"{_line(at, 'at', 3, 17)}</svg>"
    )


@register.simple_tag
def shares(rates: list[int]) -> SafeString:
    """One bar cut into parts, in proportion to whole numbers; the table beside it has the names.

    No template of its own: a list draws a hundred of them.
    """
    total, start, parts = sum(rates) or 1, 0, list[str]()
    for rate in rates:
        width = rate * _SPAN // total
        parts.append(f'<rect x="{start}" y="0" width="{max(width - _GAP, 1)}" height="10"/>')
        start += width
    return SafeString(  # whole numbers and our own words
        f'<svg class="parts" viewBox="0 0 {_SPAN} 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def _sign(nano: int, *, signed: bool) -> str:
    plus = "+" if signed and nano > 0 else ""
    return "\u2212" if nano < 0 else plus


def _line(x: int, name: str, top: int, bottom: int) -> str:
    return f'<line class="{name}" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>'


def _place(value_e9: int, from_e9: int, to_e9: int) -> int:
    inside = min(max(int(value_e9), from_e9), to_e9)
    return (inside - from_e9) * _SPAN // ((to_e9 - from_e9) or 1)


def _e9(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * E9 + int(part.ljust(9, "0") or "0")


def _from_ms(at_ms: int) -> datetime:
    """The moment, or the nearest one that a calendar has: one odd row breaks no list."""
    return _EPOCH + timedelta(milliseconds=min(max(at_ms, _LEAST_MS), _MOST_MS))


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 2:
        return f"{days} days"
    if hours >= 2:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes >= 2 else f"{seconds} s"
