"""The `workload.compression` section: how learners compress gradients, and the bytes of the compressed messages.

The clock knows sizes and not values, so every size follows from the number of values alone. Sizes
that depend on the values, such as those of entropy codes (QSGD's Elias codes), are out of scope.
"""

from __future__ import annotations

import abc
import math
from fractions import Fraction
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import Count, Flag, NameForKind, Number, Section

_FLOAT = 4  # bytes of a norm or a scale
_INDEX = 4  # bytes of a place in a gradient


def entries_kept(fraction: float, values: int) -> int:
    """Return ⌈`fraction`·`values`⌉, at least 1; exact for fractions as written in decimal."""
    return max(1, math.ceil(Fraction(repr(fraction)) * values))


def _bytes_of_bits(bits: int) -> int:
    return -(-bits // 8)


class AbstractCompression(Section):
    """An encoding of the messages in which learners send gradients."""

    kind: str

    def message_bytes(self, payload: float, values: int) -> float:
        """Return the size (bytes) of a compressed message of `values` numbers that takes `payload` bytes uncompressed."""
        return self._bytes(payload, values) if values else payload

    @abc.abstractmethod
    def _bytes(self, payload: float, values: int) -> float:
        """Return the size of a message of at least one value."""

    @property
    def changes_values(self) -> bool:
        """Whether the received values may differ from the computed ones."""
        return True

    @property
    def adds_up(self) -> bool:
        """Whether a sum of messages is a message of the same size, so that a collective operation can add them on the way."""
        return False

    @property
    def has_feedback(self) -> bool:
        """Whether the error of a message is added to the same learner's next message."""
        return False


@final
class NoCompression(AbstractCompression):
    """Gradients are sent uncompressed: the whole payload."""

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
    """The nearest IEEE half-precision number for every value: 2 bytes a value.

    Values beyond 65,504 become infinite, and so the run diverges.

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
    """Only the k values of largest magnitude (Aji and Heafield 2017, Stich et al. 2018, arXiv:1809.07599; recalled).

    The others count as 0. All arrays of the gradient are taken together, and of equal values the
    first is kept. Each entry has its place, 4 bytes, and its value: 8 bytes in single precision, 12
    in double precision.

    Against the papers: their memory is of steps α·g, here of gradients, which differs where α
    changes: after a fall to a tenth the memory counts a tenth. Aji and Heafield choose a threshold
    from a sample; here k is exact (recalled).
    """

    kind: Literal["top-k"] = "top-k"
    fraction: Annotated[Number, Field(gt=0.0, le=1.0)] = 0.01
    """Fraction of the values that is sent, rounded up to k values. More than 0; at 1 the gradient
    is sent uncompressed."""
    error_feedback: Flag = True
    """Whether the values left out are added to the learner's next message."""

    def _bytes(self, payload: float, values: int) -> float:
        kept = entries_kept(self.fraction, values)
        return payload if kept == values else kept * (payload / values + _INDEX)

    @property
    def changes_values(self) -> bool:
        return self.fraction < 1.0

    @property
    def adds_up(self) -> bool:
        return not self.changes_values  # then it is sent uncompressed

    @property
    def has_feedback(self) -> bool:
        return self.error_feedback


@final
class QSGD(AbstractCompression):
    """Magnitudes as multiples of norm/levels, rounded at random to the right mean (QSGD, arXiv:1610.02132; recalled).

    A message has ⌈log₂(2·levels + 1)⌉ bits a value, and 4 bytes for the norm of each bucket. A
    value gᵢ of a bucket with the norm ‖g‖ arrives as ‖g‖·sign(gᵢ)·ξᵢ. ξᵢ is one of the two
    multiples of 1/levels next to |gᵢ|/‖g‖.

    Against the paper: it encodes the integers with Elias codes, whose length depends on the values;
    here every value has the same number of bits. Buckets are the paper's (recalled).
    """

    kind: Literal["qsgd"] = "qsgd"
    levels: Annotated[Count, Field(le=2**16)] = 4
    """s, the number of levels, up to 65,536."""
    bucket: Count | None = 512
    """Number of consecutive values that share a norm; null: all values share one."""

    def _bytes(self, payload: float, values: int) -> float:
        bits = (2 * self.levels).bit_length()  # for one of the 2s + 1 values from −s to s
        buckets = 1 if self.bucket is None else -(-values // self.bucket)
        return float(_bytes_of_bits(bits * values) + _FLOAT * buckets)


@final
class Sign(AbstractCompression):
    """Only the signs, one bit a value; 0 counts as positive.

    With error feedback they are scaled by the mean magnitude, which takes 4 bytes more: EF-signSGD
    (Karimireddy et al. 2019, arXiv:1901.09847; recalled). Without it they are +1 and −1: signSGD
    (Bernstein et al. 2018, arXiv:1802.04434; recalled).

    Against the papers: the memory of EF-signSGD is of steps α·g, here of gradients, which differs
    where α changes. signSGD's server takes a majority vote of the signs (recalled); here it takes
    their mean.
    """

    kind: Literal["sign"] = "sign"
    error_feedback: Flag = True
    """Whether the error of a message is added to the learner's next message."""

    def _bytes(self, payload: float, values: int) -> float:
        return float(_bytes_of_bits(values) + (_FLOAT if self.error_feedback else 0))

    @property
    def has_feedback(self) -> bool:
        return self.error_feedback


Compression = Annotated[NoCompression | Half | TopK | QSGD | Sign, ByKind(), NameForKind]
