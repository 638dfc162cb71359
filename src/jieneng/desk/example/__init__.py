"""example: an invented city, made the same each time from a seed: register, three years of answers, ledgers, and errors.

For trying the product and for its tests. Pure Python and xlsxwriter; imports nothing of the other rooms. Others may use:
``build``, ``Manifest``, ``layout_path``. The errors are planted here and told in ``key.yaml``; the code that must find them
is written elsewhere and does not read this room.
"""

from .build import Manifest, Step, build, layout_path

__all__ = ["Manifest", "Step", "build", "layout_path"]
