"""``perfbot plan``: what the catalogue suggests for one function, nothing tried yet."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from perfbot.bot.config import Operator, load
from perfbot.bot.connect import request, told_by_exit_code
from perfbot.bot.exits import Exit
from perfbot.bot.options import PlanOptions
from perfbot.bot.output import print_document
from perfbot.bot.progress import Progress
from perfbot.bot.report import dumped
from perfbot.bot.words import visible
from perfbot.optimizer.session import plan
from perfbot.optimizer.strategies import Suggestion
from perfbot.profiling.functions import FunctionName

NOTHING = "No strategy of the catalogue applies to {function}."


def run(options: PlanOptions) -> Exit:
    """Record the function's calls and print the suggestions for it."""
    config, operator = load(options.repository), Operator.from_environment()
    with told_by_exit_code():
        wanted = request(
            options.repository,
            config,
            operator,
            functions=(options.function,),
            trust=options.trust_repository,
        )
        with Progress(Console(stderr=True), None) as progress:
            function, suggestions = plan(wanted, progress)
    if options.json:
        print_document(dumped(_document(function, suggestions)))
    else:
        _print(function, suggestions, Console())
    return Exit.DONE


def _document(function: FunctionName, suggestions: Sequence[Suggestion]) -> dict[str, object]:
    rows = [
        {"category": each.strategy.category, "name": each.strategy.name, "why": each.why}
        for each in suggestions
    ]
    return {"schema": 1, "function": str(function), "planner": "embedded", "strategies": rows}


def _print(function: FunctionName, suggestions: Sequence[Suggestion], console: Console) -> None:
    if not suggestions:
        console.print(Text(NOTHING.format(function=visible(str(function)))), soft_wrap=True)
    for each in suggestions:
        console.print(Text(f"{each.strategy.name} ({each.strategy.category})", style="bold"))
        console.print(Text(f"    {visible(each.why)}"))
