"""The keep ratio of K-wise Bradley-Terry curation, computed without sampling.

From K fresh samples of p the user keeps one, x_k with probability e^r(x_k) / sum_j e^r(x_j) (Ferbach et al.,
arXiv 2407.09499). The kept samples have density p H with

    H(x) = E_{x_1..x_{K-1} ~ p} [ K e^r(x) / (e^r(x) + sum_{i<K} e^r(x_i)) ],   0 < H < K.

Since 1/a = integral_0^inf e^(-ua) du, with phi(u) = E_p[e^(-u e^r)] and u = e^s,

    H(r) = K integral e^(s+r) g(s+r) phi(e^s)^(K-1) ds,   g(z) = exp(-e^z).

The integrand is analytic for |Im s| < pi/2, and there |phi(e^(s+ia))| <= phi(e^s cos a), so the trapezoid
rule with spacing h has a RELATIVE error of order exp(-pi^2/h)/h, whatever K, the rewards and the weights
are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from recurate.foundation.types import Slice

    FloatArray = NDArray[np.float64]

NODE_SPACING = 0.25  # exp(-pi^2/h)/h = 3e-17: quadrature is exact to rounding
LOWER_REACH = 32.0  # e^-32 = 1e-14 is what both cut tails may cost, after allowing for the factor K
BLOCK_WIDTH = 8.0  # rewards of one block span at most this, so that one block needs about 180 nodes
BLOCK_BYTES = 4_000_000
MEMORY_BUDGET = 200_000_000  # bytes of kernel kept between calls
LARGEST_SPREAD = 1e6


def check_choices(choices: float) -> float:
    """Return the number of samples shown to the user as a float; an integer >= 1, or infinity.

    Raises
    ------
    RecurateError
        When it is neither.
    """
    number = float(choices)
    if number < 1 or math.isnan(number) or not (math.isinf(number) or number.is_integer()):
        raise RecurateError(f"choices is {choices}, but must be an integer >= 1 or infinity.")
    return number


def check_rewards(rewards: ArrayLike) -> FloatArray:
    """Return rewards as float64 (n,).

    Raises
    ------
    RecurateError
        When they are not a non-empty one-dimensional array of finite numbers that span at most 1e6.
    """
    array = np.asarray(rewards, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise RecurateError(f"Rewards have shape {array.shape}, but each of n >= 1 samples needs one number.")
    finite = np.isfinite(array)
    if not finite.all():
        raise RecurateError(
            f"{int((~finite).sum())} of {array.size} rewards are not finite, the first at position "
            f"{int(np.argmin(finite))}; check the reward and the samples it was given."
        )
    if np.ptp(array) > LARGEST_SPREAD:
        raise RecurateError(f"Rewards span {np.ptp(array):g}, over {LARGEST_SPREAD:g}; rescale the reward.")
    return array


@dataclass(frozen=True)
class _Block:
    """Sorted rewards close to each other, and the quadrature nodes where their kernel is neither 0 nor 1."""

    rows: Slice
    nodes: Slice
    row_scale: FloatArray  # e^(r - c), (rows,), c the block's largest reward
    node_scale: FloatArray  # e^(s + c), (nodes,)

    @property
    def bytes(self) -> int:
        """Size of the kernel matrix."""
        return 8 * self.row_scale.size * self.node_scale.size

    def kernel(self) -> FloatArray:
        """Compute g(s + r), (rows, nodes)."""
        kernel = np.multiply.outer(-self.row_scale, self.node_scale)
        return np.exp(kernel, out=kernel)


def _row_slices(levels: FloatArray, largest_count: int) -> Iterator[Slice]:
    """Cut sorted rewards into runs of limited width and length."""
    start = 0
    while start < levels.size:
        stop = int(np.searchsorted(levels, levels[start] + BLOCK_WIDTH, side="right"))
        stop = min(stop, start + largest_count)
        yield slice(start, stop)
        start = stop


def _make_blocks(levels: FloatArray, choices: float) -> tuple[list[_Block], int]:
    """Lay the node grid s = h * integer over the rewards; return the blocks and the number of nodes.

    Below s = -r - 32 - log K, g(s + r) is 1 and e^(s+r) is 0; above s = -r + log(32 + log K), g is 0.
    """
    reach = LOWER_REACH + math.log(choices)
    first = math.floor((-levels[-1] - reach) / NODE_SPACING)
    blocks, end = [], 0
    widest = math.ceil((BLOCK_WIDTH + reach + math.log(reach)) / NODE_SPACING) + 2
    for rows in _row_slices(levels, max(1, BLOCK_BYTES // (8 * widest))):
        low, high = levels[rows.start], levels[rows.stop - 1]
        start = math.floor((-high - reach) / NODE_SPACING)
        stop = math.ceil((-low + math.log(reach)) / NODE_SPACING) + 1
        node_scale = np.exp(np.arange(start, stop) * NODE_SPACING + high)
        nodes = slice(start - first, stop - first)
        blocks.append(_Block(rows, nodes, np.exp(levels[rows] - high), node_scale))
        end = max(end, nodes.stop)
    return blocks, end


class KeepOperator:
    """The keep ratio H for fixed rewards and changing weights, as one forecast needs it over its generations.

    Parameters
    ----------
    rewards : (n,) array
        Finite rewards; equal ones are computed once.
    choices : int or inf
        K, the number of samples shown to the user.
    memory_budget : int
        Bytes of kernel matrix to keep between calls of `ratio`; what does not fit is recomputed block by
        block. The kernel takes about 1.5 kB for each distinct reward.

    Raises
    ------
    RecurateError
        When `choices` or `rewards` are not as described.
    """

    def __init__(self, rewards: ArrayLike, choices: float, memory_budget: int = MEMORY_BUDGET) -> None:
        self.choices = check_choices(choices)
        self._levels, self._position = np.unique(check_rewards(rewards), return_inverse=True)
        self._blocks: list[_Block] = []
        self._node_count = 0
        if 1 < self.choices < math.inf:
            self._blocks, self._node_count = _make_blocks(self._levels, self.choices)
        self._kept: list[FloatArray] = []
        for block in self._blocks:
            memory_budget -= block.bytes
            if memory_budget < 0:
                break
            self._kept.append(block.kernel())

    def ratio(self, weights: ArrayLike) -> FloatArray:
        """Compute H at every sample for the distribution with these weights.

        Parameters
        ----------
        weights : (n,) array
            Non-negative, not all zero; normalised here.

        Returns
        -------
        (n,) float64 array
            H, accurate to about 1e-12 of max(1, H), or 1e-15 K for K above 1,000; ratios under 1e-14 may be
            rounded to zero. For infinite K it is e^r / E[e^r], which may overflow to inf where a weight is
            zero.
        """
        mass = self._level_mass(weights)
        if self.choices == 1:
            ratio = np.ones_like(mass)
        elif math.isinf(self.choices):
            ratio = _tilt(mass, self._levels)
        else:
            ratio = self._integral(self._transform(mass))
        return ratio[self._position]

    def _level_mass(self, weights: ArrayLike) -> FloatArray:
        """Add up the normalised weights of equal rewards."""
        array = np.asarray(weights, dtype=np.float64)
        if array.shape != self._position.shape:
            raise RecurateError(f"There are {self._position.size} rewards, but weights have shape {array.shape}.")
        total = array.sum()
        if not (array.min() >= 0 and 0 < total < math.inf):
            raise RecurateError("Weights must be finite, not negative and not all zero.")
        mass = np.bincount(self._position, array / total, minlength=self._levels.size)
        return mass.astype(np.float64, copy=False)

    def _kernels(self) -> Iterator[tuple[_Block, FloatArray]]:
        """Give each block its kernel, kept or computed now."""
        for index, block in enumerate(self._blocks):
            yield block, self._kept[index] if index < len(self._kept) else block.kernel()

    def _transform(self, mass: FloatArray) -> FloatArray:
        """Compute phi(e^s) = sum_i w_i g(s + r_i) at every node."""
        phi = np.zeros(self._node_count)
        saturated = np.zeros(self._node_count + 1)  # mass of the blocks whose kernel is 1 before this node
        for block, kernel in self._kernels():
            phi[block.nodes] += mass[block.rows] @ kernel
            saturated[block.nodes.start] += mass[block.rows].sum()
        return phi + np.cumsum(saturated[::-1])[::-1][1:]

    def _integral(self, phi: FloatArray) -> FloatArray:
        """Integrate K e^(s+r) g(s+r) phi^(K-1) over s, for every distinct reward."""
        power = phi ** (self.choices - 1)
        ratio = np.empty_like(self._levels)
        for block, kernel in self._kernels():
            ratio[block.rows] = block.row_scale * (kernel @ (block.node_scale * power[block.nodes]))
        return self.choices * NODE_SPACING * ratio


def _tilt(mass: FloatArray, levels: FloatArray) -> FloatArray:
    """Compute e^r / E[e^r], the limit of H for K to infinity (Lemma 2.1), by log-sum-exp."""
    top = levels[mass > 0].max()
    with np.errstate(over="ignore"):
        normaliser = np.sum(mass[levels <= top] * np.exp(levels[levels <= top] - top))
        return np.exp(levels - top) / normaliser


class Operator(Protocol):
    """The keep ratio H for fixed rewards."""

    def ratio(self, weights: ArrayLike) -> FloatArray:
        """H (n,) for the distribution with these weights (n,)."""


@dataclass(frozen=True)
class PromptwiseOperator:
    """The keep ratio where people choose among the answers to one prompt: `answers` (prompts, each) are their rows.

    Answers of equal weight are draws of the law they come from, so that K of them without replacement are K fresh ones:
    H is then unbiased, whatever their number. With other weights, those of later generations, the law has to be taken
    for what the few answers are, and mass can go to none better than the best of them: what is kept is then on average
    worse than under the law.
    """

    operators: list[KeepOperator]
    answers: NDArray[np.int64]
    rewards: FloatArray
    choices: float

    def ratio(self, weights: ArrayLike) -> FloatArray:
        """H (n,), of every prompt for the distribution of its own answers."""
        values = np.asarray(weights, dtype=np.float64)
        ratio = np.empty_like(values)
        for rows, operator in zip(self.answers, self.operators, strict=True):
            of_prompt = values[rows]
            fresh = (of_prompt == of_prompt[0]).all()
            ratio[rows] = without_replacement(self.rewards[rows], self.choices) if fresh else operator.ratio(of_prompt)
        return ratio


def without_replacement(rewards: FloatArray, choices: float) -> FloatArray:
    """Keep ratio (n,) of choices among K different ones of n samples, every K equally likely; all n if K is infinite.

    The mean over the other K - 1 of 1/(e^r + sum of e^r_j) is the integral of e^(-u e^r) E(u) over u, where E is the
    elementary symmetric polynomial of degree K - 1 of the others' e^(-u e^r_j) over their number of subsets. Raises
    RecurateError for fewer samples than choices.
    """
    count = len(rewards)
    if math.isinf(choices) or choices == count:
        return count * _softmax(rewards)
    others = int(choices) - 1
    if others >= count:
        raise RecurateError(f"choices is {choices:g}, but there are only {count} samples to choose from.")
    levels = rewards - rewards.max()
    log_u = np.arange(-LOWER_REACH - math.log(choices), LOWER_REACH - levels.min(), NODE_SPACING)
    with np.errstate(under="ignore", over="ignore"):
        exponents = np.exp(log_u + levels[:, None])
        factors = np.exp(-exponents)
        density = np.exp(log_u + levels[:, None] - exponents)
    before, after = _elementary(factors, others), _elementary(factors[::-1], others)[::-1]
    sums = np.zeros_like(factors)  # over subsets of the others, of which some come before and some after
    for degree in range(others + 1):
        sums += before[:-1, degree] * after[1:, others - degree]
    return choices * NODE_SPACING * (density * sums).sum(axis=1) / math.comb(count - 1, others)


def _elementary(values: FloatArray, degree: int) -> FloatArray:
    """Elementary symmetric polynomials of the first 0, 1, .., n of `values` (n, nodes): (n + 1, degree + 1, nodes).

    That of a degree is the sum over all subsets of so many values of their products.
    """
    sums = np.zeros((len(values) + 1, degree + 1, values.shape[1]))
    sums[:, 0] = 1
    for number, value in enumerate(values):
        sums[number + 1, 1:] = sums[number, 1:] + sums[number, :-1] * value
    return sums


def _softmax(rewards: FloatArray) -> FloatArray:
    scaled = np.exp(rewards - rewards.max())
    return scaled / scaled.sum()


def promptwise(rewards: FloatArray, choices: float, answers: NDArray[np.int64]) -> PromptwiseOperator:
    """The keep ratio of K-wise choices among the answers (prompts, each) to one prompt."""
    budget = MEMORY_BUDGET // len(answers)
    operators = [KeepOperator(rewards[rows], choices, budget) for rows in answers]
    return PromptwiseOperator(operators, answers, rewards, choices)
