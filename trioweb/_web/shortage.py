"""No file descriptor or memory is left: nothing is broken, and the client should try again."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from trioweb.errors import HTTPError

logger = logging.getLogger("trioweb")

OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

RETRY_SECONDS = 5


@contextmanager
def shortage_is_503() -> Iterator[None]:
    """Answer with 503 if the block fails for lack of descriptors or memory (RFC 9110 §15.6.4).

    Raises:
        HTTPError: 503, with `Retry-After`.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in OUT_OF_RESOURCES:
            raise
        # Logged for each 503 of the access log, which does not contain the reason.
        logger.info("no file can be opened for now: %s (raise the limit with ulimit -n)", error)
        headers = {"Retry-After": str(RETRY_SECONDS)}
        raise HTTPError(503, "The server is busy. Try again later.", headers) from error
