"""How numpy's and pandas' objects are described, without ever importing them.

A handler is chosen by the name of a class that the object's class derives from; it yields literal
text, and values (wrapped in a tuple) that are described in their turn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Union

_TOLD_APART = 20_000  # floats of an array
Part = Union[str, "tuple[object]"]
Handler = Callable[[Any], Iterator[Part]]


def _ndarray(value: Any) -> Iterator[Part]:
    numpy: Any = sys.modules["numpy"]
    plain = numpy.ndarray.view(value, numpy.ndarray)
    flags, dtype = plain.flags, plain.dtype
    yield f"{_dtype_text(dtype)},{plain.shape},{'C' * flags.c_contiguous}{'F' * flags.f_contiguous}"
    yield f"{'W' * flags.writeable}{'' if flags.forc else plain.strides}:"
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


def floats_of(value: Any) -> tuple[str, list[Any]] | None:
    """Return what an array of floats is beside its values, and they; ``None`` for anything else."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)):
        return None
    plain = numpy.asarray(value)
    if plain.dtype.kind not in "fc" or plain.dtype.char in "gG" or plain.size > _TOLD_APART:
        return None
    return f"{plain.dtype.str},{plain.shape}:", plain.ravel().tolist()


def owner_of(value: Any) -> object | None:
    """Return the object whose memory an array shares, itself if it is its own; else ``None``."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return None
    while isinstance(value.base, numpy.ndarray):
        value = value.base
    owner: object = value if value.base is None else value.base
    return owner


def _dtype_text(dtype: Any) -> str:
    return dtype.str if dtype.fields is None else ascii(dtype.descr)


def _dtype(value: Any) -> Iterator[Part]:
    yield _dtype_text(value)


def _numpy_scalar(value: Any) -> Iterator[Part]:
    numpy: Any = sys.modules["numpy"]
    return _ndarray(numpy.asarray(value))


def _index(value: Any) -> Iterator[Part]:
    yield (list(value.names),)
    yield f",{getattr(value, 'freqstr', None)},"
    yield from _extension_array(value)


def _series(value: Any) -> Iterator[Part]:
    yield (value.name,)
    yield (value.index,)
    yield (value.attrs,)
    yield from _extension_array(value)


def _frame(value: Any) -> Iterator[Part]:
    yield (value.columns,)
    yield (value.index,)
    yield (value.attrs,)
    for position in range(value.shape[1]):
        yield from _extension_array(value.iloc[:, position])


def _extension_array(value: Any) -> Iterator[Part]:
    yield (value.dtype,)
    exact = object if hasattr(value.dtype, "construct_array_type") else None  # no NumPy type
    yield (value.to_numpy(exact).copy(),)  # a copy has no trace of the block that it lay in


def _extension_dtype(value: Any) -> Iterator[Part]:
    yield f"{value}"
    if hasattr(value, "categories"):
        yield (value.categories,)
        yield f",{value.ordered}"


def is_opaque(names: list[str]) -> bool:
    """Say by the names of its classes whether an object without handler is pandas' inner machinery."""
    plain = ("pandas._libs.tslibs.", "pandas._libs.missing.", "pandas._libs.interval.")
    return names[0].startswith("pandas.") and not any(name.startswith(plain) for name in names)


def is_complete(name: str) -> bool:
    """Say whether a handled object's attributes are caches, and so no part of it."""
    return name.startswith("pandas.")


VALUES = frozenset(
    "numpy.generic numpy.dtype pandas.api.extensions.ExtensionDtype"
    " pandas.core.dtypes.base.ExtensionDtype".split()
)
HANDLERS: dict[str, Handler] = {
    "numpy.ndarray": _ndarray,
    "numpy.generic": _numpy_scalar,
    "numpy.dtype": _dtype,
    "pandas.Index": _index,
    "pandas.Series": _series,
    "pandas.DataFrame": _frame,
    "pandas.api.extensions.ExtensionArray": _extension_array,
    "pandas.api.extensions.ExtensionDtype": _extension_dtype,
    # Before pandas 3, classes named the modules they are written in.
    "pandas.core.indexes.base.Index": _index,
    "pandas.core.series.Series": _series,
    "pandas.core.frame.DataFrame": _frame,
    "pandas.core.arrays.base.ExtensionArray": _extension_array,
    "pandas.core.dtypes.base.ExtensionDtype": _extension_dtype,
}
