"""Middleware: layers around every request and every handshake, including the ones that come with trioweb."""

from trioweb.middleware.allowed_hosts import AllowedHosts
from trioweb.middleware.chain import Middleware, Next
from trioweb.middleware.compression import GZip
from trioweb.middleware.cors import CORS
from trioweb.middleware.request_id import RequestId, RequestIdFilter
from trioweb.middleware.security_headers import SecurityHeaders

__all__ = [
    "CORS",
    "AllowedHosts",
    "GZip",
    "Middleware",
    "Next",
    "RequestId",
    "RequestIdFilter",
    "SecurityHeaders",
]
