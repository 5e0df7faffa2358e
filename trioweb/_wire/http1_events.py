"""What comes out of `Http1Wire.next_event`, and the stages its input goes through."""

from __future__ import annotations

from enum import Enum, auto

import attrs

from trioweb._wire.request_head import RequestHead


@attrs.frozen(slots=True)
class Body:
    """The next bytes of the request's body, never none."""

    data: bytes


@attrs.frozen(slots=True)
class EndOfBody:
    """The request is complete."""


@attrs.frozen(slots=True)
class NeedData:
    """Nothing more can be told before `feed` is called again."""


@attrs.frozen(slots=True)
class Paused:
    """The request is complete; `start_next_request` goes on to the one behind it."""


@attrs.frozen(slots=True)
class Ended:
    """The peer has ended its side between two requests."""


Http1Event = RequestHead | Body | EndOfBody | NeedData | Paused | Ended


class Stage(Enum):
    """Where the input of a connection stands."""

    # Members are single, so their identity serves, and is quicker than the hash of a name.
    __hash__ = object.__hash__

    HEAD = auto()
    BODY = auto()
    COMPLETE = auto()
    SWITCHED = auto()
    FAILED = auto()


class Step(Enum):
    """What moves the input on."""

    __hash__ = object.__hash__

    HEAD_READ = auto()
    BODY_READ = auto()
    NEXT_REQUEST = auto()
    SWITCH = auto()
    FAILURE = auto()


# The input of one connection. It is independent of the answer, which h11 follows: an
# answer may begin and end while the body is still coming (RFC 9112 §9.3), and only
# NEXT_REQUEST and SWITCH ask how far it is. Two stages lead nowhere: bytes behind a
# mistake have no meaning (§2.2), and bytes behind a handshake are not HTTP.
INPUT_TRANSITIONS: dict[tuple[Stage, Step], Stage] = {
    (Stage.HEAD, Step.HEAD_READ): Stage.BODY,
    (Stage.BODY, Step.BODY_READ): Stage.COMPLETE,
    (Stage.COMPLETE, Step.NEXT_REQUEST): Stage.HEAD,
    (Stage.COMPLETE, Step.SWITCH): Stage.SWITCHED,
    (Stage.HEAD, Step.FAILURE): Stage.FAILED,
    (Stage.BODY, Step.FAILURE): Stage.FAILED,
}
