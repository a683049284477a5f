"""How numpy's and pandas' objects are described, without ever importing them.

A handler is chosen by the name of a class that the object's class derives from; it yields literal
text, and values (wrapped in a tuple) that are described in their turn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Union

Part = Union[str, "tuple[object]"]
Handler = Callable[[Any], Iterator[Part]]


def _ndarray(value: Any) -> Iterator[Part]:
    numpy: Any = sys.modules["numpy"]
    plain = numpy.ndarray.view(value, numpy.ndarray)
    flags, dtype = plain.flags, plain.dtype
    kind = dtype.str if dtype.fields is None else ascii(dtype.descr)
    yield f"{kind},{plain.shape},{'C' * flags.c_contiguous}{'F' * flags.f_contiguous}"
    yield f"{'W' * flags.writeable}:"
    flat = plain.ravel()
    if dtype.kind in "OTV":
        yield (flat.tolist(),)
    elif dtype.char in "gG":  # 80-bit numbers are stored with undefined padding
        yield (flat.astype(str).tolist(),)
    else:
        if dtype.kind in "fc":  # the sign and payload of a NaN are no behaviour
            flat = flat.copy().view(dtype if dtype.kind == "f" else f"f{dtype.itemsize // 2}")
            flat[numpy.isnan(flat)] = numpy.nan
        yield (flat.tobytes(),)


def _numpy_scalar(value: Any) -> Iterator[Part]:
    numpy: Any = sys.modules["numpy"]
    return _ndarray(numpy.asarray(value))


def _index(value: Any) -> Iterator[Part]:
    yield f"{value.dtype},"
    yield (list(value.names),)
    yield (value.to_numpy(),)


def _series(value: Any) -> Iterator[Part]:
    yield f"{value.dtype},"
    yield (value.name,)
    yield (value.index,)
    yield (value.to_numpy(),)


def _frame(value: Any) -> Iterator[Part]:
    yield (value.columns,)
    yield (value.index,)
    for position in range(value.shape[1]):
        yield (value.iloc[:, position],)


HANDLERS: dict[str, Handler] = {
    "numpy.ndarray": _ndarray,
    "numpy.generic": _numpy_scalar,
    "pandas.core.indexes.base.Index": _index,
    "pandas.Index": _index,
    "pandas.core.series.Series": _series,
    "pandas.Series": _series,
    "pandas.core.frame.DataFrame": _frame,
    "pandas.DataFrame": _frame,
}
