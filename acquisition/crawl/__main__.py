"""Entry of the crawling process; see `acquisition.crawl.child`."""

import sys

from acquisition.crawl.child import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
