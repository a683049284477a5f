"""Settings of all tests."""

import sys

from hypothesis import settings

import perfbot.profiling.inside

# The modules that run in a target find each other by the name that they have there.
sys.modules.setdefault("_perfbot_inside", perfbot.profiling.inside)

# How long an example takes says nothing on a busy machine; no test of perfbot asserts a time.
settings.register_profile("perfbot", deadline=None)
settings.load_profile("perfbot")
