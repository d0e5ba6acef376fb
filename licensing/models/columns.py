"""How long the columns are, and the words that may stand in them."""

from licensing.rules.rows import GrantState, WorkKind, WorkState

ID, HASH, PAIR, ACCOUNT, MESSAGE, NAME, SLUG, USE = 72, 64, 200, 120, 43, 120, 48, 12
WORK_KINDS = [kind.value for kind in WorkKind]
WORK_STATES = [state.value for state in WorkState]
GRANT_STATES = [state.value for state in GrantState]
