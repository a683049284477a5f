"""Lets the modules that run in a target find each other by the name they have there."""

import sys

import perfbot.profiling.inside

sys.modules.setdefault("_perfbot_inside", perfbot.profiling.inside)
