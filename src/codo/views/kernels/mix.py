"""The weighted sum of a few pixels, red, green and blue at once.

The only place with hand-written LLVM instructions. Pixels lie in a row as ``r g b r g b …`` and every pixel of the
result begins at another offset, so the compiler turns loops over colors or pixels into scalar code: twelve loads and
multiplications for four pixels. Here four consecutive numbers (the three colors of a pixel and one more, which is
ignored) are loaded into one vector register: four loads. The result is the same to the last bit, since each number has
its own product and its own sum.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_LANES = ir.VectorType(ir.FloatType(), 4)
_INDEX, _LANE = ir.IntType(64), ir.IntType(32)
_TRIPLE: Any = types.UniTuple


def _mix(typing: Any, row: Any, start: Any, weights: Any) -> Any:
    """``sum_k weights[k] row[start + 3 k + c]`` for the colors ``c`` of 0, 1, 2, as three numbers.

    Args:
        typing: Numba's typing context.
        row: float32, contiguous, with one number more than the last pixel needs.
        start: uint32.
        weights: A tuple of float32, one for each pixel.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row_, start_, weights_ = arguments
        data = context.make_array(signature.args[0])(context, builder, row_).data
        begin = builder.zext(start_, _INDEX)
        nothing, first = ir.Constant(_LANES, ir.Undefined), ir.Constant(ir.VectorType(_LANE, 4), [0] * 4)
        total = None
        for k in range(weights.count):
            weight = builder.insert_element(nothing, builder.extract_value(weights_, k), _LANE(0))
            place = builder.gep(data, [builder.add(begin, _INDEX(3 * k))])
            colors = builder.load(builder.bitcast(place, _LANES.as_pointer()), align=4)
            term = builder.fmul(builder.shuffle_vector(weight, nothing, first), colors)
            total = term if total is None else builder.fadd(total, term)
        sums = [builder.extract_element(total, _LANE(color)) for color in range(3)]
        return context.make_tuple(builder, signature.return_type, sums)

    return _TRIPLE(types.float32, 3)(row, start, weights), generate


mix: Any = intrinsic(_mix)
