"""A message for many connections, encoded once for all that can share its bytes.

Server frames are not masked (RFC 6455 §5.1), so the frame of a message is the same for every
connection that has agreed on the same compression. A room of ten thousand members
builds one frame and writes it ten thousand times. A client masks each frame with a key of its own
(§5.3), so its frames are never shared, not even by two publications to the same peer.
"""

from __future__ import annotations

from trioweb._websocket.outbox_entry import Entry, LateFrame, size_of
from trioweb._wire.encoder import FrameKind, Sharing, plain_message
from trioweb._wire.frames import Buffers
from trioweb._wire.websocket import WebSocketWire
from trioweb.errors import LocalProtocolError


class Publication:
    """One message and its frames: plain, and one for each way of compressing.

    Compression with context takeover depends on the earlier messages of each connection, so such
    connections can share only the message, not its frame (RFC 7692 §7.1.1).
    """

    __slots__ = ("frames", "message", "message_bytes")

    def __init__(self, message: str | bytes) -> None:
        self.message = plain_message(message)
        self.frames: dict[FrameKind, Buffers] = {}
        try:
            self.message_bytes = (
                len(self.message) if isinstance(self.message, bytes) else len(self.message.encode())
            )
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error

    def entry_for(self, wire: WebSocketWire) -> Entry:
        """Return an entry for the outbox of the connection to which `wire` belongs."""
        # The size of a late frame is not known before compression, so the length of the message counts.
        if wire.must_encode_in_order:
            return LateFrame(wire, self.message, self.message_bytes)
        return self.frame_for(wire)

    def frame_for(self, wire: WebSocketWire) -> Buffers:
        """Return the frame, encoded at the first call for its kind."""
        kind = wire.frame_kind
        if wire.must_encode_in_order or kind is Sharing.NEVER:
            return wire.encode(self.message)
        frame = self.frames.get(kind)
        if frame is None:
            frame = self.frames[kind] = wire.encode(self.message)
        return frame

    def size_for(self, wire: WebSocketWire) -> int:
        """Return how many bytes it adds to those that the outbox holds."""
        return self.message_bytes if wire.must_encode_in_order else size_of(self.frame_for(wire))
