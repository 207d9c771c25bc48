"""``python -m service.cli``: the same as ``planshift``, for programs that start it."""

from . import main

main()
