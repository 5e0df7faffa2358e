"""Peers, frames and handshakes made of bytes."""
