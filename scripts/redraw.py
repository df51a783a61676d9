"""Draw a published run's figures again from its tables; what needs samples is copied.

Usage: python scripts/redraw.py [PUBLISHED_FOLDER OUTPUT_FOLDER]
Without folders: every run in results/published, to results/figures/RUN/STUDY.
"""

import sys

from recurate.commands.redraw import main

if __name__ == "__main__":
    main(sys.argv[1:])
