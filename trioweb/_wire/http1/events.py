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
    """The request is complete. The next one is not read before `start_next_request`.

    Without this event, any number of a client's requests could be read before their responses are sent.
    """


@attrs.frozen(slots=True)
class Ended:
    """The client has ended its side between two requests."""


Http1Event = RequestHead | Body | EndOfBody | NeedData | Paused | Ended


class Stage(Enum):
    """The part of a connection that its input has reached."""

    # Each member exists once, so its identity can be its hash, which is quicker than hashing its name.
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


# The input of a connection goes round in a circle: a head, a body, complete, and the next head. A request
# without a body goes through BODY too, and leaves it at its first event, so that all requests take the same
# way.
#
# The response is not in this table. h11 follows it, and the two are independent: a response may begin and end
# while the body is still coming (RFC 9112 §9.3), as it often does for a client that waits for 100 Continue.
# Only two steps depend on both, and they ask h11 first: NEXT_REQUEST requires a complete response, and SWITCH
# requires that no response was begun.
#
# Two stages have no way out. After a mistake it is unknown where the next request begins (§2.2), and after a
# handshake the bytes are not HTTP. A step that is not in the table is a bug in the caller.
INPUT_TRANSITIONS: dict[tuple[Stage, Step], Stage] = {
    (Stage.HEAD, Step.HEAD_READ): Stage.BODY,
    (Stage.BODY, Step.BODY_READ): Stage.COMPLETE,
    (Stage.COMPLETE, Step.NEXT_REQUEST): Stage.HEAD,
    (Stage.COMPLETE, Step.SWITCH): Stage.SWITCHED,
    (Stage.HEAD, Step.FAILURE): Stage.FAILED,
    (Stage.BODY, Step.FAILURE): Stage.FAILED,
}
