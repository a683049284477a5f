"""What runs inside the target's interpreter: standard library only, CPython 3.10 and newer.

perfbot never imports these modules into its own process except in tests. In a target process
they are loaded under the private package name ``_perfbot_inside``, so that nothing of the
target can collide with them.
"""
