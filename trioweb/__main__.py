"""`python -m trioweb` does what `trioweb` does."""

import sys

from trioweb.cli import main

sys.exit(main())
