"""Rooms: named places to publish to, where a slow member does not delay the others."""

from trioweb.rooms.member import Member
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.registry import Rooms
from trioweb.rooms.room import Room, RoomStatistics
from trioweb.rooms.subscription import Subscription

__all__ = ["Member", "Overflow", "Room", "RoomStatistics", "Rooms", "Subscription"]
