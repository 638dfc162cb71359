"""desk: what a person sees first: settings, addresses, base pages, home, and the ``jieneng`` command.

The top room: it may import every other; nothing imports it.
"""
