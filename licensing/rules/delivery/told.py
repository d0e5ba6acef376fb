"""What the folder of a model says in all its files: gathered once, then written in many forms."""

from collections.abc import Sequence
from dataclasses import dataclass

from licensing.rules.reading import parse
from licensing.rules.rows import TermsVersion, Work
from licensing.rules.search import Measured
from licensing.rules.terms import Tag

E9 = 10**9
TENSORS = "adapter_model.safetensors"
SUMS, CARD, TAGS, LICENCE, POLICY, BOM = (
    "SHA256SUMS",
    "README.md",
    "LICENSE-TAGS.json",
    "LICENSE.md",
    "LICENSE.jsonld",
    "sbom.cdx.json",
)


@dataclass(frozen=True)
class Ancestor:
    """A work that this one was made from. rate: what it takes of sales, as people read it.

    sentences  what its terms asked for when this work was registered
    content    SHA-256 of its bytes
    """

    title: str
    kind: str
    owner: str
    id: str
    rate: str
    sentences: Sequence[str] = ()
    content: str = ""


@dataclass(frozen=True)
class Base:
    """The base model. id: what loads it, such as ORG/NAME; licence: its own SPDX id

    work    its id among the works, when it is registered
    sha256  of its file of weights
    """

    id: str
    licence: str
    sha256: str
    family: str


@dataclass(frozen=True)
class Usage:
    """How the folder is asked. pooling: a sentence; snippet: Python that loads the folder

    pipeline  the hub's word for the task, such as text-classification
    """

    labels: tuple[str, ...]
    max_tokens: int
    pooling: str
    snippet: str
    pipeline: str


@dataclass(frozen=True)
class Told:
    """Everything that the files say. Nothing in it changes while the terms stay.

    terms      the version of the terms that holds
    sentences  the deed on the day of the registration
    """

    work: Work
    terms: TermsVersion
    measured: Measured
    base: Base
    usage: Usage
    sentences: Sequence[str]
    parents: Sequence[Ancestor]
    origin: str

    @property
    def tags(self) -> Sequence[Tag]:
        """The licence tags as they were given."""
        return self.terms.tags

    @property
    def licence(self) -> str:
        """The licence's name in lower case, as the hub writes names: `udl-0.2`."""
        terms = parse(self.tags).terms
        assert terms is not None, "a work is registered under terms that can be read"
        return f"udl-{terms.version}"

    @property
    def spdx(self) -> str:
        """The licence in SPDX's words: it has no id in their list."""
        return f"LicenseRef-{self.licence.replace('udl', 'UDL')}"


def figure(value_e9: int) -> str:
    """A score as it is written in every file: parts of 10^9 as `0.683333333`, exact."""
    sign, size = ("-", -value_e9) if value_e9 < 0 else ("", value_e9)
    return f"{sign}{size // E9}.{size % E9:09d}"
