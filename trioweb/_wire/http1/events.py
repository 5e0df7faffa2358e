"""The events of `Http1Wire.next_event`, and the stages that its input goes through."""

from __future__ import annotations

from enum import Enum, auto

import attrs

from trioweb._wire.http1.request_head import RequestHead


@attrs.frozen(slots=True)
class Body:
    """The next bytes of the request's body; at least one."""

    data: bytes


@attrs.frozen(slots=True)
class EndOfBody:
    """The request is complete."""


@attrs.frozen(slots=True)
class NeedData:
    """The next event needs more input: call `feed`."""


@attrs.frozen(slots=True)
class Paused:
    """The request is complete. The one after it is not read before `start_next_request`.

    Without this event a client could have any number of requests read ahead of their responses.
    """


@attrs.frozen(slots=True)
class Ended:
    """The client has ended its side between two requests."""


Http1Event = RequestHead | Body | EndOfBody | NeedData | Paused | Ended


class Stage(Enum):
    """The part of a connection that its input has reached."""

    # Each member exists once, so its identity will do, and is faster than hashing its name.
    __hash__ = object.__hash__

    HEAD = auto()
    BODY = auto()
    COMPLETE = auto()
    SWITCHED = auto()
    FAILED = auto()


class Step(Enum):
    """An occurrence that moves the input to another stage."""

    __hash__ = object.__hash__

    HEAD_READ = auto()
    BODY_READ = auto()
    NEXT_REQUEST = auto()
    SWITCH = auto()
    FAILURE = auto()


# The input of one connection goes round: a head, a body, complete, and the next head. A request without a
# body has the stage BODY too, and leaves it at its first event, so that all requests go one way.
#
# The response is not in this table. h11 follows that, and the two are independent: a response may begin and
# end while the body is still coming (RFC 9112 §9.3), and for a client that waits for 100 Continue it often
# does. They meet in only two steps, which ask h11 first: NEXT_REQUEST needs a response that is complete, and
# SWITCH needs that none was begun.
#
# Two stages have no way out. After a mistake it is unknown where the next request begins (§2.2), and after a
# handshake the bytes are not HTTP. A step that is not in the table is a bug of the caller.
INPUT_TRANSITIONS: dict[tuple[Stage, Step], Stage] = {
    (Stage.HEAD, Step.HEAD_READ): Stage.BODY,
    (Stage.BODY, Step.BODY_READ): Stage.COMPLETE,
    (Stage.COMPLETE, Step.NEXT_REQUEST): Stage.HEAD,
    (Stage.COMPLETE, Step.SWITCH): Stage.SWITCHED,
    (Stage.HEAD, Step.FAILURE): Stage.FAILED,
    (Stage.BODY, Step.FAILURE): Stage.FAILED,
}
