"""`python -m acquisition.cli`: the same as `acquire`."""

from acquisition.cli import main

main()
