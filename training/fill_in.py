"""Fill-in-the-middle: a program with a hole, and what stood there (DeepSeek-Coder-V2, section 3.1).

Prefix-suffix-middle, as there: ``<|fim_begin|>`` prefix ``<|fim_hole|>`` suffix ``<|fim_end|>`` middle.
"""

import random

from perfbot.optimizer.protocol import Example

BEGIN, HOLE, STOP = FILL_TOKENS = ("<|fim_begin|>", "<|fim_hole|>", "<|fim_end|>")


def filled_in(program: str, drawn: random.Random) -> Example:
    """Return a program of which some lines are to be filled in; which ones is drawn."""
    lines = program.splitlines(keepends=True)
    start = drawn.randrange(len(lines))
    end = drawn.randrange(start, len(lines)) + 1
    before, middle, after = lines[:start], lines[start:end], lines[end:]
    prompt = f"{BEGIN}{''.join(before)}{HOLE}{''.join(after)}{STOP}"
    return Example(prompt, "".join(middle))
