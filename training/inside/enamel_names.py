"""What the input generators of ENAMEL's records call besides the standard library."""

import math
import random
import string

__all__ = ["math", "rand_parens", "rand_primality", "rand_probably_prime", "random", "string"]


def rand_parens(size: int, valid: bool = True, par: str = "()") -> str:
    """Return random brackets of about ``size`` characters, balanced unless not ``valid``."""
    opening, closing = par[0], par[1]
    pairs = max(1, size // 2)
    left, depth, out = pairs, 0, []
    while left or depth:
        if left and (depth == 0 or random.randint(0, 1)):
            out.append(opening)
            left, depth = left - 1, depth + 1
        else:
            out.append(closing)
            depth -= 1
    if not valid:
        place = random.randrange(len(out))
        out[place] = closing if out[place] == opening else opening
    return "".join(out)


def rand_probably_prime(most: float) -> int:
    """Return a random prime that is at most ``most``, and not small against it."""
    largest = max(2, int(most))
    while True:
        number = random.randint(max(2, largest // 2), largest)
        if is_prime(number):
            return number


def is_prime(number: int) -> bool:
    """Say whether a number is prime, by the deterministic Miller-Rabin test for 64 bits."""
    small = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if number < 2 or any(number % prime == 0 for prime in small):
        return number in small
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(passes(number, base, odd, twos) for base in small)


def passes(number: int, base: int, odd: int, twos: int) -> bool:
    """Say whether a number may be prime by one base of the Miller-Rabin test."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def rand_primality(size: int, level: int, case: int) -> int:
    """Return a number of about ``size``: prime, or composite in the ways that are hard or easy.

    Cases 0, 1, 3, 4, 5 of level 0 and 4, 5 of the others are composite (the generators rely on it).
    """
    root = max(3, math.isqrt(size))
    if case == 4:
        return rand_probably_prime(root) * rand_probably_prime(root)
    if case == 5:
        return rand_probably_prime(root) ** 2
    if level == 0 and case in (0, 1, 3):
        return {0: 1 << max(2, size.bit_length() - 1), 1: 2 * rand_probably_prime(size // 2), 3: 9}[
            case
        ]
    if level > 0 and case == 3:
        return rand_probably_prime(root) * rand_probably_prime(root)
    return rand_probably_prime(size)
