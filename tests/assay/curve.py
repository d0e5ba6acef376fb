"""The curve of Ed25519 in a few lines, to make the signatures that no library would make.

source  RFC 8032 section 5.1
"""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
ORDER_8_Y = (
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
)
# y of the points of order 1, 2, 4 and 8, also in their spelling that is not reduced
SMALL_ORDER_Y = frozenset({0, 1, P - 1, P, P + 1, *ORDER_8_Y})


def with_y(y):
    """The point of this y whose x is even."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT_OF_MINUS_ONE % P
    assert x * x % P == square
    return (x if x % 2 == 0 else P - x), y


BASE = with_y(4 * pow(5, -1, P) % P)


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P)
    return x % P, y % P


def times(point, number):
    found = (0, 1)
    while number:
        if number & 1:
            found = add(found, point)
        point, number = add(point, point), number >> 1
    return found


def torsion(number):
    """A multiple of a point of order 8."""
    return times(with_y(ORDER_8_Y[0]), number)


def encoded(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")
