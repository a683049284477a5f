"""Settings of all tests."""

from hypothesis import settings

# How long an example takes says nothing on a busy machine; no test of perfbot asserts a time.
settings.register_profile("perfbot", deadline=None)
settings.load_profile("perfbot")
