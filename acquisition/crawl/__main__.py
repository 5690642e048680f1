"""Entry of the crawling process; see `acquisition.crawl.child`."""

import sys
from pathlib import Path

from acquisition.crawl import early

if __name__ == "__main__":
    early.begin(Path(sys.argv[1]))

    from acquisition.crawl.child import main  # the scribe imports at the same time

    sys.exit(main(sys.argv[1:]))
