"""How many examples a property test tries: few in `make test`, more in `make test-all`, very many in `make fuzz`."""

from __future__ import annotations

import os

EXAMPLES = int(os.environ.get("TRIOWEB_FUZZ_EXAMPLES", "50"))
