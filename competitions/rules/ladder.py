"""The Ladder: what the board tells of an entry that may be no better than its owner's best.

Who enters again and again would learn the sealed rows of the board from exact scores. So a score is
told only when the entry is clearly better than the best that the board shows of its owner, and of
any other no more than that it is not.
source  Blum and Hardt 2015, "The Ladder", the parameter-free form: the mean of the differences is
        at least their standard deviation divided by the root of their number
"""

from competitions.rules.prizes import Mark


def improves(new: Mark, best: Mark | None) -> bool:
    """Whether the board shows a run, in whole numbers.

    best  of the entry that the board shows of the same owner, on the same examples; None: of none
    raises ValueError for points of two tests
    """
    if best is None:
        return True
    differences = [one - other for one, other in zip(new.points, best.points, strict=True)]
    gain = sum(differences)
    # mean >= std / sqrt(n), std of n - 1 degrees of freedom, is gain^2 >= sum of squares
    is_clear = gain > 0 and gain * gain >= sum(one * one for one in differences)
    return is_clear and new.merit > best.merit
