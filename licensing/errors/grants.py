"""Why a licence grant does not hold: grant.*"""

from assay.errors import AssayError


class GrantRefused(AssayError):
    """A licence grant does not hold. Facts: as each error names them."""

    status = 422


class GrantMalformed(GrantRefused):
    """The text is no compact grant. Facts: none."""

    code = "grant.malformed"
    next_step = "Give the whole text of the grant as it was received, in one line."


class GrantAlgorithm(GrantRefused):
    """The algorithm is not EdDSA. Facts: alg."""

    code = "grant.algorithm"
    next_step = "Do not trust this text: grants are signed with EdDSA only."


class GrantType(GrantRefused):
    """The text is another kind of token. Facts: typ."""

    code = "grant.type"
    next_step = "Give a licence grant; other tokens do not license anything."


class GrantKey(GrantRefused):
    """The key is not the operator's. Facts: kid."""

    code = "grant.key"
    next_step = "Check that the operator's key comes from the right site."


class GrantRevoked(GrantRefused):
    """The licence is on the list of those that were given or taken back. Facts: grant, size."""

    code = "grant.revoked"
    next_step = "Buy the licence again: this one gives nothing any more."


class RevokedInvalid(GrantRefused):
    """The list of revoked licences does not hold. Facts: none."""

    code = "grant.list_invalid"
    next_step = "Get it again from /licences/revoked.txt, and give the log's key."


class KeySetInvalid(GrantRefused):
    """The file is no set of the operator's keys. Facts: none."""

    code = "grant.keys_invalid"
    next_step = "Get it again from /.well-known/jwks.json of the site that issued the grant."


class GrantSignature(GrantRefused):
    """The signature does not fit the text. Facts: none."""

    code = "grant.signature"
    next_step = "Do not trust this text: it was changed, or never signed."


class GrantExpired(GrantRefused):
    """The grant has ended. Facts: exp."""

    code = "grant.expired"
    next_step = "Buy the licence again, or renew it."


class GrantEarly(GrantRefused):
    """The grant has not begun. Facts: nbf."""

    code = "grant.early"
    next_step = "Wait until it begins, and check your clock."


class GrantNotLogged(GrantRefused):
    """The proof does not show that the grant's own message is in the log. Facts: reason."""

    code = "grant.not_logged"
    next_step = "Fetch message and receipt again from the licence's page, once it has a receipt."


class GrantOrigin(GrantRefused):
    """The proof is of another log than the one that issued the grant. Facts: issuer, origin."""

    code = "grant.origin"
    next_step = "Use the log key of the site that issued the grant."
