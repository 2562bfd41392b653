"""How gradients are compressed on their way to the server, and what that leaves of their bytes.

The clock knows sizes and no values, so every size follows from the number of values alone. Sizes that depend on the values, as
those of entropy codes do (QSGD's Elias codes), are out of scope.
"""

from __future__ import annotations

import abc
import math
from fractions import Fraction
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Count, Flag, NameForKind, Number, Section

_FLOAT = 4  # bytes of a norm or a scale
_INDEX = 4  # bytes of a place in a gradient


def entries_kept(fraction: float, values: int) -> int:
    """⌈`fraction`·`values`⌉, at least 1: exact for fractions as written in decimal."""
    return max(1, math.ceil(Fraction(repr(fraction)) * values))


def _bytes_of_bits(bits: int) -> int:
    """Whole bytes."""
    return -(-bits // 8)


class AbstractCompression(Section):
    """What becomes of a gradient's message before it leaves its learner."""

    kind: str

    def message_bytes(self, payload: float, values: int) -> float:
        """Bytes of a message that were `payload` for so many `values`."""
        return self._bytes(payload, values) if values else payload

    @abc.abstractmethod
    def _bytes(self, payload: float, values: int) -> float:
        """The same, of a message of at least one value."""

    @property
    def changes_values(self) -> bool:
        """Whether what arrives may be something else than what was computed."""
        return True

    @property
    def adds_up(self) -> bool:
        """Whether a sum of messages is a message of that size, so that a collective operation may add them up on the way."""
        return False

    @property
    def has_feedback(self) -> bool:
        """Whether what a message lacked is added to its learner's next one."""
        return False


@final
class NoCompression(AbstractCompression):
    """Gradients are sent as they are: the whole payload."""

    kind: Literal["none"] = "none"

    @property
    def adds_up(self) -> bool:
        return True

    def _bytes(self, payload: float, values: int) -> float:
        return payload

    @property
    def changes_values(self) -> bool:
        return False


@final
class Half(AbstractCompression):
    """Every value as an IEEE half-precision number, the nearest: 2 bytes a value. Beyond 65,504 it is infinite.

    No paper: a number format (IEEE 754).
    """

    kind: Literal["fp16"] = "fp16"

    @property
    def adds_up(self) -> bool:
        return True

    def _bytes(self, payload: float, values: int) -> float:
        return 2.0 * values


@final
class TopK(AbstractCompression):
    """Only the k values of largest magnitude, of all arrays together, each with its place: 4 bytes more than a value has in the
    payload, so 8 bytes an entry of single precision (Aji and Heafield 2017, Stich et al. 2018, arXiv:1809.07599; recalled).

    Against the papers: their memory is of steps α·g, here of gradients, which differs where α changes: after a fall to a tenth
    what the memory held counts a tenth. Aji and Heafield choose a threshold from a sample; here k is exact (recalled).
    """

    kind: Literal["top-k"] = "top-k"
    fraction: Annotated[Number, Field(gt=0.0, le=1.0)] = 0.01
    """k is this times the number of values, rounded up. If that is all of them they are sent as they are."""
    error_feedback: Flag = True
    """What is left out is added to the learner's next message."""

    def _bytes(self, payload: float, values: int) -> float:
        kept = entries_kept(self.fraction, values)
        return payload if kept == values else kept * (payload / values + _INDEX)

    @property
    def changes_values(self) -> bool:
        return self.fraction < 1.0

    @property
    def adds_up(self) -> bool:
        return not self.changes_values  # then it is sent as it is

    @property
    def has_feedback(self) -> bool:
        return self.error_feedback


@final
class QSGD(AbstractCompression):
    """Magnitudes as multiples of 1/levels of their norm, rounded at random, so that the mean is right (Alistarh et al. 2017,
    arXiv:1610.02132; recalled): ⌈log₂(2·levels + 1)⌉ bits a value, and a norm of 4 bytes for each bucket.

    Against the paper: it encodes the integers with Elias codes, whose length depends on the values; here every value has as
    many bits. Buckets are the paper's (recalled).
    """

    kind: Literal["qsgd"] = "qsgd"
    levels: Annotated[Count, Field(le=2**16)] = 4
    """s."""
    bucket: Count | None = 512
    """How many values that follow each other have a norm of their own; null: all have one."""

    def _bytes(self, payload: float, values: int) -> float:
        bits = (2 * self.levels).bit_length()  # of one of the 2s + 1 values from −s to s
        buckets = 1 if self.bucket is None else -(-values // self.bucket)
        return float(_bytes_of_bits(bits * values) + _FLOAT * buckets)


@final
class Sign(AbstractCompression):
    """Only the signs: a bit a value, in which 0 counts as positive. With error feedback they are scaled by the mean magnitude,
    4 bytes more: EF-signSGD (Karimireddy et al. 2019, arXiv:1901.09847; recalled); without, they are +1 and −1: signSGD
    (Bernstein et al. 2018, arXiv:1802.04434; recalled).

    Against the papers: the memory of EF-signSGD is of steps α·g, here of gradients, which differs where α changes. signSGD's
    server takes a majority vote of the signs (recalled); here it takes their mean.
    """

    kind: Literal["sign"] = "sign"
    error_feedback: Flag = True
    """What a message lacked is added to the learner's next one."""

    def _bytes(self, payload: float, values: int) -> float:
        return float(_bytes_of_bits(values) + (_FLOAT if self.error_feedback else 0))

    @property
    def has_feedback(self) -> bool:
        return self.error_feedback


Compression = Annotated[NoCompression | Half | TopK | QSGD | Sign, Field(discriminator="kind"), NameForKind]
