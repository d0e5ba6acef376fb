"""What a visitor or a client of the API can be told by the face of the house.

AssayError
  RequestError      request.*   the request itself cannot be answered
  SignInError       auth.*      who asks is not known, or not any more
  BudgetSpent       budget.*    an account, an address or the site has no room for it now
"""

from assay.errors import AssayError
from web.allowances import AT_ONCE, Budget

BUSY_S = 2  # after which it may be tried again where no window says when


class RequestError(AssayError):
    """The request itself cannot be answered. Facts: those of its kinds."""

    code, status = "request.refused", 400
    next_step = "Change the request as the message says, and send it again."


class RequestInvalid(RequestError):
    """A field is missing or has a wrong form. Facts: problems, a list of `path: cause`."""

    code, status = "request.invalid", 422
    next_step = "Correct the fields that are named, and send it again."


class RequestUnreadable(RequestError):
    """The body is not what its content type says. Facts: none."""

    code, status = "request.unreadable", 400
    next_step = "Send JSON in UTF-8 with the header Content-Type: application/json."


class NotFound(RequestError):
    """There is nothing at this address. Facts: path."""

    code, status = "request.not_found", 404
    next_step = "Check the address, or start from the list of competitions."


class MethodRefused(RequestError):
    """The address exists, but not for this method. Facts: method, allowed, path."""

    code, status = "request.method_refused", 405
    next_step = "Use one of the methods that are allowed here."


class Forbidden(RequestError):
    """Who asks is known, and may not do this. Facts: path."""

    code, status = "request.forbidden", 403
    next_step = "Sign in with an account that may do this."


class FormExpired(RequestError):
    """The form's protection against forged requests did not match. Facts: path."""

    code, status = "request.form_expired", 403
    next_step = (
        "Go back, load the page again, and send the form once more. Cookies must be allowed."
    )


class TooLarge(RequestError):
    """The body is larger than this address takes. Facts: limit_bytes, body_bytes when known."""

    code, status = "request.too_large", 413
    next_step = "Send a smaller file, or send it in parts as the command line does."


class FramedTwice(RequestError):
    """A request has a Content-Length and comes in chunks too. Facts: none."""

    code, status = "request.framed_twice", 400
    next_step = "Send one of Content-Length and Transfer-Encoding; a proxy in between may add one."


class TooSlow(RequestError):
    """The body came more slowly than the site waits for. Facts: none."""

    code, status = "request.too_slow", 408
    next_step = "Send it again; a large file goes in parts, as the command line sends it."


class Broken(RequestError):
    """A fault of ours. Facts: request, the id that the operator finds it by."""

    code, status = "request.broken", 500
    next_step = "Try again. If it happens again, tell the operator the request id."


class SignInError(AssayError):
    """Who asks is not known. Facts: those of its kinds."""

    code, status = "auth.refused", 401
    next_step = "Run `assay auth login`, or sign in on the site."


class SignInNeeded(SignInError):
    """Only an account may do this. Facts: none."""

    code = "auth.required"


class TokenUnknown(SignInError):
    """No such token, or it was revoked. Facts: prefix."""

    code = "auth.token_unknown"
    next_step = "Run `assay auth login` to get a new token."


class TokenExpired(SignInError):
    """The token was good, but its time is over. Facts: prefix, expired_at."""

    code = "auth.token_expired"
    next_step = "Run `assay auth login` to get a new token. Nothing was lost."


class ScopeMissing(SignInError):
    """The token is good, but not for this. Facts: needed, scopes."""

    code, status = "auth.scope_missing", 403
    next_step = "Run `assay auth login`, or make a token with this scope on your page of tokens."


class TokenBudgetSpent(SignInError):
    """The token may not spend so much without a key's signature. Facts: left_nano, wanted_nano."""

    code, status = "auth.token_budget_spent", 403
    next_step = "Make a token with a budget on your page of tokens, or sign the order with a key."


class PasswordWrong(SignInError):
    """Name and password do not belong together. Facts: account."""

    code = "auth.password_wrong"
    next_step = (
        "Check the name and the password; after several failures an account pauses. An account "
        "that the command line opened has a key and no password: `assay auth login` uses it."
    )


class CodeSpent(SignInError):
    """A code or a signature that counts once does not count any more. Facts: none."""

    code = "auth.code_spent"
    next_step = "Get a new one: `assay auth web`, or the page of your account's keys."


class LockedOut(SignInError):
    """Too many failures in a row, of an account that may exist or not. Facts: retry_after_s."""

    code, status = "auth.locked_out", 429
    next_step = "Wait for some minutes, then try again."

    def __init__(self, retry_after_s: int, message: str = "Too many failures in a row.") -> None:
        super().__init__(message, retry_after_s=retry_after_s)


class BudgetSpent(AssayError):
    """A budget has no room for this. Facts: budget, of (whom), most, retry_after_s."""

    code, status = "budget.spent", 429
    next_step = "Wait as long as it says, then try again."

    def __init__(self, budget: Budget, of: str, most: int, retry_after_s: int) -> None:
        when = " at one time" if budget.window_s == AT_ONCE else f" in {_span(budget.window_s)}"
        super().__init__(
            f"One {of} may have {most} {budget.meaning}{when}.",
            budget=budget.name,
            of=of,
            most=most,
            retry_after_s=retry_after_s,
        )


def _span(seconds: int) -> str:
    return "a day" if seconds == 86_400 else f"{seconds // 60} minutes"


class AccountsSpent(BudgetSpent):
    """Many accounts were opened from this address today. Facts: budget, of, most, retry_after_s."""

    code = "budget.accounts"
    next_step = "Use an account that you have, or open one tomorrow."


class LogBytesSpent(BudgetSpent):
    """Orders have put much into the log today. Facts: budget, of, most, retry_after_s."""

    code = "budget.log_bytes"
    next_step = "Send the order tomorrow; what is in the log stays there."


class UploadBytesSpent(BudgetSpent):
    """Many bytes of files came today. Facts: budget, of, most, retry_after_s."""

    code = "budget.upload_bytes"
    next_step = "Send the rest tomorrow; parts of an unfinished upload are kept for a day."


class DryRunsSpent(BudgetSpent):
    """Many dry runs were asked for today. Facts: budget, of, most, retry_after_s."""

    code = "budget.dry_runs"
    next_step = "Look at the preview of the files first; the next dry run is free tomorrow."


class DryRunsHeld(BudgetSpent):
    """Dry runs of yours wait or run already. Facts: budget, of, most, retry_after_s."""

    code = "budget.dry_runs_at_once"
    next_step = "Wait until one of them is done; your desk lists them."


class ReadingsSpent(BudgetSpent):
    """A draft's files were read often today. Facts: budget, of, most, retry_after_s."""

    code = "budget.readings"
    next_step = "Change the files at home, and send them again tomorrow."


class DraftsHeld(BudgetSpent):
    """There are many drafts already. Facts: budget, of, most, retry_after_s."""

    code = "budget.drafts"
    next_step = "Publish one of your drafts, or throw one away: your desk lists them."


class OpeningsHeld(BudgetSpent):
    """Much was handed in for entries that did not come. Facts: budget, of, most, retry_after_s."""

    code = "budget.openings"
    next_step = "Send the orders that they are for, or wait a day: then they are forgotten."


class TokensHeld(BudgetSpent):
    """There are many tokens already. Facts: budget, of, most, retry_after_s."""

    code = "budget.tokens"
    next_step = "Revoke one that you do not need, on your account's tokens page (`assay auth web`)."


class SignInsSpent(BudgetSpent):
    """A password was tried often. Facts: budget, of, most, retry_after_s."""

    code = "budget.sign_ins"


class SignaturesSpent(BudgetSpent):
    """Many signatures came that were to let a key in. Facts: budget, of, most, retry_after_s."""

    code = "budget.signatures"


class KeySignInsSpent(BudgetSpent):
    """A key of the account signed in often. Facts: budget, of, most, retry_after_s."""

    code = "budget.key_sign_ins"
    next_step = "Use the token that you have: it lives as long as you asked. Or wait as it says."


class PasswordsBusy(BudgetSpent):
    """Others sign in at this moment. Facts: budget, of, most, retry_after_s."""

    code, status = "budget.passwords", 503
    next_step = "Try again in a few seconds."
