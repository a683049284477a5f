"""``Runs`` for tests in which nothing may be run."""

from perfbot.bot.jobs import Stopped
from perfbot.bot.runs import Checkout, Found, Survey, Tick, Wish


class NoRuns:
    """See ``Runs``."""

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        raise AssertionError

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        raise AssertionError

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        raise AssertionError
