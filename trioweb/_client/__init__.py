"""The other side: connections that a program opens."""
