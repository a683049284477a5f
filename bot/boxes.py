"""Somebody edited the dashboard: the boxes that they ticked are commands.

They count for people who may write to the repository, asked at that moment, and only where the
dashboard shows them. All are empty again before the first is worked on, and those that a stranger
ticked are emptied too: the next editor must not give a stranger's commands.
"""

from perfbot.bot import board, proposing, scanning, tending
from perfbot.bot.attempts import patient_step, tidied
from perfbot.bot.dashboard import Action, ticked
from perfbot.bot.deliveries import Json
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.marker import Text
from perfbot.bot.triggers import DashboardEdited, Trigger
from perfbot.bot.work import Handler, Tools


def _edited(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    assert isinstance(asked, DashboardEdited)
    place = Place(asked.installation_id, asked.repository)
    boxes = patient_step(engine, "boxes", lambda _stopped: _ticked(tools, place, asked))
    if not isinstance(boxes, list):
        return
    board.refresh(job, engine, tools, place)
    with tidied(job, engine, tools.workspace):
        for box in boxes:
            match box:
                case [str(action), str(function), int(number)]:
                    _do(job, engine, tools, place, Action(action), function, number)
        if boxes:
            board.refresh(job, engine, tools, place)


def _ticked(tools: Tools, place: Place, asked: DashboardEdited) -> Json:
    """Return the boxes that count, with the number of the pull request that each is about, else 0.

    None where the issue is not perfbot's dashboard.
    """
    with tools.hub.talking(place) as forge:
        issue = forge.issue(asked.number)
        if issue.author.login != tools.hub.login:
            return None
        if not forge.permission(asked.author).writes:
            return []
        shown = board.current(tools, place, forge)
    if shown is None:
        return None
    own_id = issue.author.id
    numbers = {one.function: one.number for one in shown.open}
    return [
        [box.action.value, box.function or "", numbers.get(box.function or "", 0)]
        for box in ticked(Text(asked.body, own_id), own_id, shown)
    ]


def _do(
    job: Job,
    engine: JobEngine,
    tools: Tools,
    place: Place,
    action: Action,
    function: str,
    number: int,
) -> None:
    match action:
        case Action.SCAN:
            scanning.scan(job, engine, tools, place, even_if_same=True)
        case Action.REBASE:
            tending.rebase(job, engine, tools, place, number)
        case Action.PROPOSE:
            proposing.fill(job, engine, tools, place, frozenset({function}))
        case Action.RETRY:
            scanning.try_again(job, engine, tools, place, (function,))
        case Action.UNIGNORE:
            patient_step(
                engine, "look again", lambda _stopped: tending.look_again(tools, place, function)
            )


def _silent(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """The boxes are empty again, so whoever ticked one sees that it can be ticked again."""
    tools.workspace.clear(job.id)


HANDLER = Handler(_edited, _silent)
