"""Coefficients of the polynomials in crate/src, printed as Rust constants.

    python scripts/polynomials.py            (needs mpmath)

Each polynomial is the minimax one for its weighted error (Remez exchange), its coefficients rounded to float32.
Printed with each: the largest weighted error of the rounded polynomial in exact arithmetic.
"""

import struct
from mpmath import mp, mpf, cos, pi, exp, expm1, log, log1p, sqrt, erfc, matrix, lu_solve, polyval, qr_solve

mp.dps = 50


def float32(value):
    """The float32 next to a value, exactly."""
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def extrema(values):
    """Indices of the largest |value| in every stretch of one sign."""
    found = [0]
    for index, value in enumerate(values):
        if (value > 0) == (values[found[-1]] > 0):
            if abs(value) > abs(values[found[-1]]):
                found[-1] = index
        else:
            found.append(index)
    return found


def remez(target, weight, powers, low, high, rounds=20):
    """Minimax coefficients of sum c_i x^powers[i] for target(x), the error multiplied by weight(x)."""
    count = len(powers)
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / 800) for i in range(801)]
    targets = [target(x) for x in grid]
    weights = [weight(x) for x in grid]
    basis = [[x**power for power in powers] for x in grid]
    nodes = [round(800 * i / count) for i in range(count + 1)]
    coefficients = None
    for _ in range(rounds):
        system = matrix(count + 1, count + 1)
        right = matrix(count + 1, 1)
        for row, node in enumerate(nodes):
            for column in range(count):
                system[row, column] = basis[node][column]
            system[row, count] = (-1) ** row / weights[node]
            right[row] = targets[node]
        solution = lu_solve(system, right)
        coefficients = [solution[i] for i in range(count)]
        errors = [
            (sum(c * b for c, b in zip(coefficients, basis[i])) - targets[i]) * weights[i] for i in range(len(grid))
        ]
        peaks = extrema(errors)
        while len(peaks) > count + 1:
            # Keep the larger end: inner peaks alternate, so only the ends can go.
            peaks = peaks[1:] if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else peaks[:-1]
        if len(peaks) < count + 1 or peaks == nodes:
            break
        nodes = peaks
    return coefficients


def rounded(target, weight, powers, low, high):
    """The minimax coefficients rounded to float32, and the largest weighted error that is left."""
    coefficients = [float32(c) for c in remez(target, weight, powers, low, high)]
    points = [low + (high - low) * mpf(i) / 2000 + mpf("1e-12") for i in range(2000)]
    errors = [(sum(c * x**p for c, p in zip(coefficients, powers)) - target(x)) * weight(x) for x in points]
    return coefficients, max(abs(error) for error in errors)


def quotient(numerator, denominator, x):
    return polyval(numerator[::-1], x) / polyval(denominator[::-1], x)


def rational(target, at_zero, numerator_degree, denominator_degree, high, rounds=60):
    """
    The rational function with constant terms at_zero and 1 next to target on [0, high]: linearised least squares for
    the relative error, reweighted (Lawson) until that is nearly level; then rounded. Nodes are dense near 0.
    """
    count = 160
    nodes = [high * (1 - cos(pi * (i + mpf(1) / 2) / (2 * count))) for i in range(count)]
    values = [target(x) for x in nodes]
    denominators = [mpf(1)] * count
    importance = [mpf(1)] * count
    best = None
    for _ in range(rounds):
        system = matrix(count, numerator_degree + denominator_degree)
        right = matrix(count, 1)
        for i, x in enumerate(nodes):
            scale = sqrt(importance[i]) / (values[i] * denominators[i])
            for power in range(1, numerator_degree + 1):
                system[i, power - 1] = scale * x**power
            for power in range(1, denominator_degree + 1):
                system[i, numerator_degree + power - 1] = -scale * values[i] * x**power
            right[i] = scale * (values[i] - at_zero)
        solution = list(qr_solve(system, right)[0])
        numerator = [at_zero] + solution[:numerator_degree]
        denominator = [mpf(1)] + solution[numerator_degree:]
        denominators = [polyval(denominator[::-1], x) for x in nodes]
        errors = [abs(quotient(numerator, denominator, x) / v - 1) for x, v in zip(nodes, values)]
        if best is None or max(errors) < best[0]:
            best = max(errors), numerator, denominator
        importance = [w * (e / max(errors) + mpf("0.02")) for w, e in zip(importance, errors)]
        importance = [w * count / sum(importance) for w in importance]
    _, numerator, denominator = best
    numerator = [float32(c) for c in numerator]
    denominator = [float32(c) for c in denominator]
    points = [high * i / 3000 for i in range(3001)]
    return numerator, denominator, max(abs(quotient(numerator, denominator, x) / target(x) - 1) for x in points)


def digits(coefficients):
    return ", ".join(repr(struct.unpack("f", struct.pack("f", float(c)))[0]) for c in coefficients)


def show_rational(name, description, numerator, denominator, worst):
    print(f"/// {description} Relative error {mp.nstr(worst, 2)}.")
    print(f"const {name}_NUMERATOR: [f32; {len(numerator)}] = [{digits(numerator)}];")
    print(f"const {name}_DENOMINATOR: [f32; {len(denominator)}] = [{digits(denominator)}];\n")


def show(name, description, result):
    coefficients, worst = result
    print(f"/// {description} Relative error {mp.nstr(worst, 2)}.")
    print(f"const {name}: [f32; {len(coefficients)}] = [{digits(coefficients)}];\n")


def main():
    half_ln2 = log(2) / 2 * mpf("1.001")
    show(
        "EXP",
        "(exp(r) − 1 − r) / r² for |r| ≤ ln 2 / 2.",
        rounded(
            lambda r: (expm1(r) - r) / r**2 if abs(r) > 1e-9 else mpf(1) / 2,
            lambda r: max(abs(r), mpf("0.01")),
            range(5), -half_ln2, half_ln2,
        ),
    )
    show(
        "LOG",
        "(log(1 + f) − f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2.",
        rounded(
            lambda f: (log1p(f) - f + f**2 / 2) / f**3 if abs(f) > 1e-9 else mpf(1) / 3,
            lambda f: max(f**2, mpf("0.001")),
            range(9), sqrt(mpf(1) / 2) - 1 - mpf("1e-6"), sqrt(mpf(2)) - 1 + mpf("1e-6"),
        ),
    )
    show(
        "EXP2",
        "(2^f − 1) / f for |f| ≤ ½.",
        rounded(
            lambda f: (mpf(2) ** f - 1) / f if abs(f) > 1e-9 else log(2),
            lambda f: max(abs(f), mpf("0.01")) / mpf(2) ** f,
            range(5), mpf(-1) / 2, mpf(1) / 2,
        ),
    )
    show_rational(
        "TAIL",
        "Φ(−a)·exp(a²/2) for 0 ≤ a ≤ 12.5: all coefficients are positive, so nothing cancels.",
        *rational(lambda a: exp(a**2 / 2) * erfc(a / sqrt(mpf(2))) / 2, mpf(1) / 2, 4, 5, mpf("12.6")),
    )


if __name__ == "__main__":
    main()
