"""The rooms of one application, by name."""

from __future__ import annotations

from weakref import WeakValueDictionary

from trioweb.rooms.overflow import Overflow, check_overflow
from trioweb.rooms.room import Room


class Rooms:
    """Finds rooms by name, and forgets a room when nothing else refers to it.

    The references to rooms are weak. A room lives for as long as something else refers to it, as the
    `async with` block of a member and a subscription do. So a room for each document or each user
    costs nothing once everyone has left. With strong references, names that come from clients would
    fill the memory, or every program would have to remove its rooms at the right moment.

    The price is that a room's default policy and its counts are lost with it. A program that needs
    them to last keeps the room in a variable of its own.
    """

    def __init__(self) -> None:
        self._rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()

    def room(self, name: str, *, overflow: Overflow | None = None) -> Room:
        """Return the room with this name, creating it if it does not exist.

        Args:
            name: The same name always finds the same room.
            overflow: The policy for members and subscriptions that come later without one of their
                own. Existing ones keep theirs.

        Raises:
            ConfigError: `overflow` is not an `Overflow`.
        """
        if overflow is not None:
            check_overflow(overflow)
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(name)
        if overflow is not None:
            room.overflow = overflow
        return room

    def __len__(self) -> int:
        return len(self._rooms)
