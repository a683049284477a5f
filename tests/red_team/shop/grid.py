"""The part of the shop that uses NumPy."""

import numpy as np


def scaled(values, factor):
    result = np.empty(len(values))
    for place in range(len(values)):
        result[place] = values[place] * factor
    return result


def above(values, limit):
    result = []
    for value in values:
        if value > limit:
            result.append(float(value))
    return result
