"""What the exact forwards ask of a base's shape: whole numbers, claims and decimal strings."""

from typing import Protocol


class EncoderShape(Protocol):
    """The widths of a BERT encoder."""

    @property
    def hidden(self) -> int:
        """Width of a token's state."""

    @property
    def layers(self) -> int:
        """How many layers."""

    @property
    def heads(self) -> int:
        """How many attention heads; divides hidden."""

    @property
    def layer_norm_eps(self) -> str:
        """What keeps a norm from dividing by zero, in decimals."""


class DecoderShape(Protocol):
    """The widths of a decoder of the Llama family."""

    @property
    def intermediate(self) -> int:
        """Width inside the gated part."""

    @property
    def layers(self) -> int:
        """How many layers."""

    @property
    def heads(self) -> int:
        """How many heads ask."""

    @property
    def kv_heads(self) -> int:
        """How many heads answer; divides heads."""

    @property
    def head_dim(self) -> int:
        """Width of a head."""

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""

    @property
    def rms_norm_eps(self) -> str:
        """What keeps a norm from dividing by zero, in decimals."""

    @property
    def has_qkv_bias(self) -> bool:
        """Whether query, key and value have a bias."""

    @property
    def has_o_bias(self) -> bool:
        """Whether the output of attention has a bias."""

    @property
    def is_tied(self) -> bool:
        """Whether the head is the embedding."""

    @property
    def window(self) -> int:
        """How many tokens a query sees, itself included; 0 for all before it."""
