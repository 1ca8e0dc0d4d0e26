"""Loops over a population's tables that numba compiles for the CPU: what lies between products.

Each reads and writes every entry once where torch's operators would take several passes. All take
numpy arrays whose leading axis is members, of float32 or float64, and work on one member after the
other, so a member's numbers do not depend, to the bit, on the pack it travels in.

numba keeps what it compiled beside this file and looks only at this file's age to see whether it
is still right, so everything that the loops call is here.
"""

from typing import Any

import numpy as np
from numba import literal_unroll, njit
from numba.extending import overload

from bimt_bench.network import loop

SILU, RELU, TANH = 0, 1, 2


# A product followed by a sum may be rounded once ("contract"); sums over samples may be split
# into lanes ("reassoc").
_inner = njit(error_model="numpy", fastmath={"contract"})
_inner_summing = njit(error_model="numpy", fastmath={"contract", "reassoc"})

_BLOCK = 1024  # entries of a row that stay in the nearest cache between two passes
_COLUMNS = 512  # samples whose outputs do

# ------------------------------------------------------------------ the exponential
# libm's is called entry by entry; this one becomes vector instructions. With n the integer
# nearest to x / ln 2 and r = x - n ln 2, exp(x) = 2^n exp(r), and exp(r) - 1 is a polynomial.
# Adding 1.5 * 2^(bits of the mantissa) rounds to an integer, which is then found in the lowest
# bits and shifted to where the exponent lies.

_32 = np.float32
_LOG2E32, _ROUND32 = _32(1.4426950408889634), _32(1.5 * 2.0**23)
_LN2_HIGH32, _LN2_LOW32 = _32(0.693359375), _32(-2.12194440e-4)
_LEAST32, _MOST32 = _32(-87.0), _32(88.0)
_P32 = tuple(_32(1.0 / f) for f in (5040.0, 720.0, 120.0, 24.0, 6.0, 2.0))
_LOG2E64, _ROUND64 = 1.4426950408889634, 1.5 * 2.0**52
_LN2_HIGH64, _LN2_LOW64 = 6.93145751953125e-1, 1.42860682030941723212e-6
_LEAST64, _MOST64 = -708.0, 709.0
_P64 = tuple(
    1.0 / f
    for f in (6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0,
              120.0, 24.0, 6.0, 2.0)
)  # fmt: skip


def _reduced(x: Any) -> Any:
    """(q, s) with exp(x) = s (1 + q), |q| < 0.42; x beyond the type's range counts as its end."""
    raise NotImplementedError


@overload(_reduced)
def _reduced_of(x: Any) -> Any:
    return _reduced32 if x.bitwidth == 32 else _reduced64


def _reduced32(x: Any) -> Any:
    y = _LEAST32 if x < _LEAST32 else (_MOST32 if x > _MOST32 else x)
    shifted = y * _LOG2E32 + _ROUND32
    n = shifted - _ROUND32
    r = y - n * _LN2_HIGH32 - n * _LN2_LOW32
    p = _P32[0]
    for term in literal_unroll(_P32[1:]):
        p = p * r + term
    bits = np.int32(_32(shifted).view(np.int32)) << np.int32(23)
    scale = np.int32(bits + (np.int32(127) << np.int32(23))).view(np.float32)
    return p * r * r + r, scale


def _reduced64(x: Any) -> Any:
    y = _LEAST64 if x < _LEAST64 else (_MOST64 if x > _MOST64 else x)
    shifted = y * _LOG2E64 + _ROUND64
    n = shifted - _ROUND64
    r = y - n * _LN2_HIGH64 - n * _LN2_LOW64
    p = _P64[0]
    for term in literal_unroll(_P64[1:]):
        p = p * r + term
    bits = np.float64(shifted).view(np.int64) << np.int64(52)
    scale = np.int64(bits + (np.int64(1023) << np.int64(52))).view(np.float64)
    return p * r * r + r, scale


@_inner
def _exp(x):
    q, scale = _reduced(x)
    return scale + scale * q


@_inner
def _tanh(x):
    one, two, zero = type(x)(1.0), type(x)(2.0), type(x)(0.0)
    q, scale = _reduced(-two * abs(x))
    e = scale * q + (scale - one)
    size = -e / (two + e)
    return -size if x < zero else size


# ------------------------------------------------------------------ activations


@_inner
def _activate(kind, z, active):
    """active = f(z) and z = f'(z), entries in a row."""
    one, zero = z.dtype.type(1.0), z.dtype.type(0.0)
    if kind == SILU:
        for i in range(z.shape[0]):
            x = z[i]
            s = one / (one + _exp(-x))
            y = x * s
            active[i] = y
            z[i] = s + y * (one - s)
    elif kind == RELU:
        for i in range(z.shape[0]):
            x = z[i]
            active[i] = zero if x < zero else x
            z[i] = one if x > zero else zero
    else:
        for i in range(z.shape[0]):
            x = z[i]
            y = _tanh(x)
            active[i] = y
            z[i] = one - y * y


@loop("f1 f1")
def tanh(given, found):
    """Finds the hyperbolic tangent of each entry; what is undefined stays so."""
    for i in range(given.shape[0]):
        found[i] = _tanh(given[i])


@_inner
def _shift(row, shift):
    for i in range(row.shape[0]):
        row[i] += shift


@loop("i f2 f2 i i f2")
def activate(kind, sums, theta, bias, neurons, active):
    """active = f(sums + bias), and sums become f'(sums + bias).

    sums [T, n * B] and active [T, >= n * B] hold rows of B samples, a neuron each; the n biases
    begin at theta[:, bias].
    """
    samples = sums.shape[1] // neurons
    for member in range(sums.shape[0]):
        z = sums[member]
        for row in range(neurons):
            _shift(z[row * samples : (row + 1) * samples], theta[member, bias + row])
        _activate(kind, z, active[member, : z.shape[0]])


@loop("i f3 f2 i i i2 f2 f2")
def activate_tokens(kind, of_token, theta, bias, neurons, tokens, slopes, active):
    """The same of sums over folds f of a row of of_token [f, T, >= V * n], one a sample.

    slopes [T, B * n] and active [T, >= B * n] hold rows of n neurons, a sample each; tokens
    [B, f].
    """
    at_once = max(1, _BLOCK // neurons)
    for member in range(slopes.shape[0]):
        shift = theta[member, bias : bias + neurons]
        for start in range(0, tokens.shape[0], at_once):
            stop = min(start + at_once, tokens.shape[0])
            for sample in range(start, stop):
                row = slopes[member, sample * neurons : (sample + 1) * neurons]
                _copy(row, shift)
                for fold in range(tokens.shape[1]):
                    place = tokens[sample, fold] * neurons
                    _add(row, of_token[fold, member, place : place + neurons])
            block = slice(start * neurons, stop * neurons)
            _activate(kind, slopes[member, block], active[member, block])


@_inner
def _copy(row, other):
    for i in range(row.shape[0]):
        row[i] = other[i]


@_inner
def _add(row, other):
    for i in range(row.shape[0]):
        row[i] += other[i]


@loop("f2 f2 f2 f2 i i", "reassoc")
def descend(back, slopes, delta, gradient, bias, neurons):
    """delta = back * slopes, rows of B samples; sums of rows go to gradient[:, bias] and after."""
    samples = back.shape[1] // neurons
    for member in range(back.shape[0]):
        for row in range(neurons):
            here = slice(row * samples, (row + 1) * samples)
            above, slope = back[member, here], slopes[member, here]
            below, total = delta[member, here], back.dtype.type(0.0)
            for i in range(samples):
                value = above[i] * slope[i]
                below[i] = value
                total += value
            gradient[member, bias + row] = total


@_inner
def _add_product(row, left, right):
    for i in range(row.shape[0]):
        row[i] += left[i] * right[i]


@loop("f2 f2 i2 f3 f2 i i")
def descend_tokens(back, slopes, tokens, of_token, gradient, bias, neurons):
    """back * slopes, rows of n neurons, summed over the samples of each token into of_token.

    The sum over all samples goes to gradient[:, bias] and after; shapes as in `activate_tokens`.
    """
    zero = back.dtype.type(0.0)
    for member in range(back.shape[0]):
        of_token[:, member] = zero
        for sample in range(tokens.shape[0]):
            here = slice(sample * neurons, (sample + 1) * neurons)
            above, slope = back[member, here], slopes[member, here]
            for fold in range(tokens.shape[1]):
                place = tokens[sample, fold] * neurons
                _add_product(of_token[fold, member, place : place + neurons], above, slope)
        total = gradient[member, bias : bias + neurons]
        total[:] = zero
        for place in range(0, of_token.shape[2] - neurons + 1, neurons):
            _add(total, of_token[0, member, place : place + neurons])


# ------------------------------------------------------------------ loss


@loop("f2 f2 i f2 i2 f f2 f2", "reassoc")
def mse_gradient(outputs, theta, bias, targets, labels, share, delta, gradient):
    """delta = share (outputs + bias - targets[labels]); sums of rows go to gradient[:, bias].

    Rows of B samples, an output each: outputs [T, n * B], delta [T, >= n * B]; targets [n, B];
    labels [T, n] says which output stands in a row.
    """
    samples = targets.shape[1]
    for member in range(outputs.shape[0]):
        for row in range(targets.shape[0]):
            here = slice(row * samples, (row + 1) * samples)
            output, below = outputs[member, here], delta[member, here]
            wanted, shift = targets[labels[member, row]], theta[member, bias + row]
            total = outputs.dtype.type(0.0)
            for i in range(samples):
                value = share * (output[i] + shift - wanted[i])
                below[i] = value
                total += value
            gradient[member, bias + row] = total


@_inner
def _raise_to(largest, values, shift):
    for i in range(values.shape[0]):
        value = values[i] + shift
        largest[i] = value if value > largest[i] else largest[i]


@_inner
def _exponentials(values, shift, largest, found, norm):
    for i in range(values.shape[0]):
        value = _exp(values[i] + shift - largest[i])
        found[i] = value
        norm[i] += value


@_inner_summing
def _scaled(found, norm):
    total = found.dtype.type(0.0)
    for i in range(found.shape[0]):
        value = found[i] * norm[i]
        found[i] = value
        total += value
    return total


@loop("f2 f2 i i1 i2 f f2 f2")
def cross_entropy_gradient(outputs, theta, bias, classes, positions, share, delta, gradient):
    """delta = share (softmax(outputs + bias) - one-hot); sums of rows go to gradient[:, bias].

    Rows as in `mse_gradient`; classes [B]; positions [T, n] says in which row a class stands.
    """
    largest = np.empty(_COLUMNS, outputs.dtype)
    norm = np.empty(_COLUMNS, outputs.dtype)
    rows, samples = positions.shape[1], classes.shape[0]
    zero = outputs.dtype.type(0.0)
    for member in range(outputs.shape[0]):
        output, below = outputs[member], delta[member]
        shift, total = theta[member, bias : bias + rows], gradient[member, bias : bias + rows]
        total[:] = zero
        for start in range(0, samples, _COLUMNS):
            count = min(_COLUMNS, samples - start)
            largest[:] = -np.inf
            norm[:] = zero
            for row in range(rows):
                first = row * samples + start
                _raise_to(largest, output[first : first + count], shift[row])
            for row in range(rows):
                first = row * samples + start
                here = slice(first, first + count)
                _exponentials(output[here], shift[row], largest, below[here], norm)
            for i in range(count):
                norm[i] = share / norm[i]
            for row in range(rows):
                first = row * samples + start
                total[row] += _scaled(below[first : first + count], norm)
            for i in range(count):
                row = positions[member, classes[start + i]]
                below[row * samples + start + i] -= share
                total[row] -= share


# ------------------------------------------------------------------ rows


@loop("f2 i i i1 f1 i i")
def take_rows(table, begin, width, chosen, found, across, along):
    """Rows of a matrix that begins at table[:, begin].

    Row chosen[k] of member t is put where found[t * across + k * along] begins.
    """
    for member in range(table.shape[0]):
        for k in range(chosen.shape[0]):
            place = begin + chosen[k] * width
            start = member * across + k * along
            _copy(found[start : start + width], table[member, place : place + width])


@loop("f1 i i i1 f2 i i i")
def put_rows(found, across, along, chosen, table, begin, width, rows):
    """The inverse: row chosen[k] of the matrix becomes row k of `found`, the others zero.

    `chosen` [K] is in ascending order.
    """
    zero = table.dtype.type(0.0)
    for member in range(table.shape[0]):
        k = 0
        for row in range(rows):
            here = table[member, begin + row * width : begin + (row + 1) * width]
            if k < chosen.shape[0] and chosen[k] == row:
                start = member * across + k * along
                _copy(here, found[start : start + width])
                k += 1
            else:
                here[:] = zero


@loop("f2 i2 f2")
def order_rows(rows, order, found):
    """found [T, >= n * B] = rows [n, B] as order [T, n] says, of rows that members share."""
    width = rows.shape[1]
    for member in range(found.shape[0]):
        for k in range(order.shape[1]):
            _copy(found[member, k * width : (k + 1) * width], rows[order[member, k]])


# ------------------------------------------------------------------ update


@_inner
def _add_signed(gradient, theta, prices):
    zero = theta.dtype.type(0.0)
    for i in range(theta.shape[0]):
        price = prices[i]
        gradient[i] += price if theta[i] > zero else (-price if theta[i] < zero else zero)


@_inner
def _adamw(theta, gradient, first, second, constants):
    rate, blend, keep, take, root, epsilon = constants
    for i in range(theta.shape[0]):
        moment = first[i] + blend * (gradient[i] - first[i])
        square = keep * second[i] + take * (gradient[i] * gradient[i])
        first[i] = moment
        second[i] = square
        theta[i] -= rate * moment / (np.sqrt(square) * root + epsilon)


@_inner
def _scale(row, factor):
    for i in range(row.shape[0]):
        row[i] *= factor


@loop("f2 f2 f2 f2 f2 f2")
def penalised_adamw(theta, prices, gradient, first, second, constants):
    """AdamW on gradient + sign(theta) * prices, all [T, N], in place.

    `constants` [T, 7] of each member: its rate divided by the first moment's correction (a member
    whose rate is 0 stays), 1 - beta1, beta2, 1 - beta2, the root of the second moment's
    correction, inverse, epsilon, and what decay leaves of a parameter. The gradient is left with
    the penalty's added.
    """
    one = theta.dtype.type(1.0)
    for member in range(theta.shape[0]):
        c = constants[member]
        own, left = (c[0], c[1], c[2], c[3], c[4], c[5]), c[6]
        if c[0] == theta.dtype.type(0.0):
            continue
        for start in range(0, theta.shape[1], _BLOCK):
            here = slice(start, min(start + _BLOCK, theta.shape[1]))
            t, g = theta[member, here], gradient[member, here]
            _add_signed(g, t, prices[member, here])
            if left != one:
                _scale(t, left)
            _adamw(t, g, first[member, here], second[member, here], own)


@loop("f2 f2 f1")
def shrink(theta, prices, rates):
    """theta = sign(theta) max(|theta| - rate * price, 0), [T, N] and [T], in place."""
    zero = theta.dtype.type(0.0)
    for member in range(theta.shape[0]):
        row, price, rate = theta[member], prices[member], rates[member]
        for i in range(row.shape[0]):
            size = abs(row[i]) - rate * price[i]
            kept = size if size > zero else (zero if size <= zero else size)
            row[i] = kept if row[i] > zero or kept == zero else -kept


# ------------------------------------------------------------------ what hooks gave


@loop("f1")
def all_finite(entries):
    """Whether no entry is infinite or undefined."""
    bad = False
    for i in range(entries.shape[0]):
        bad |= entries[i] - entries[i] != entries.dtype.type(0.0)
    return not bad


@loop("f2 f2 f2")
def scale_rows(factors, left, right):
    """left and right times the factors, [T, >= k] and factors [T, k], in place."""
    for member in range(factors.shape[0]):
        factor, one, other = factors[member], left[member], right[member]
        for i in range(factor.shape[0]):
            one[i] *= factor[i]
            other[i] *= factor[i]


# ------------------------------------------------------------------ chance


@_inner
def _mixed(x):
    """A 64-bit number whose bits all depend on all bits of x (the finaliser of splitmix64)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_inner
def _hashed(place, low, high):
    """lowbias32 of C. Wellons, keyed by 64 bits; products are cut to 32 bits, as numba's are 64."""
    x = np.uint32(np.uint32(place) * np.uint32(0x9E3779B1)) ^ low
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15)) ^ high) * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@loop("i1 i f2")
def uniform_rows(keys, step, found):
    """found [n, k]: numbers in [0, 1) that depend on key, step and place in the row.

    Each is the high 24 bits of a 32-bit hash of the place, keyed by 64 bits of key and step.
    """
    share = found.dtype.type(1.0 / 16777216.0)
    for member in range(found.shape[0]):
        key = _mixed(np.uint64(keys[member]) + np.uint64(step) * np.uint64(0x9E3779B97F4A7C15))
        low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
        row = found[member]
        for i in range(row.shape[0]):
            row[i] = found.dtype.type(np.int32(_hashed(i, low, high) >> np.uint32(8))) * share


@loop("i1 i f1 f2")
def mask_rows(keys, step, shares, found):
    """found [n, k]: 0 where the number of `uniform_rows` is below the member's share s.

    Elsewhere 1 / (1 - s). `shares` [n].
    """
    unit, one = found.dtype.type(1.0 / 16777216.0), found.dtype.type(1.0)
    zero = found.dtype.type(0.0)
    for member in range(found.shape[0]):
        key = _mixed(np.uint64(keys[member]) + np.uint64(step) * np.uint64(0x9E3779B97F4A7C15))
        low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
        row, share = found[member], shares[member]
        left = one / (one - share)
        for i in range(row.shape[0]):
            number = found.dtype.type(np.int32(_hashed(i, low, high) >> np.uint32(8))) * unit
            row[i] = zero if number < share else left
