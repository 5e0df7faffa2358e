"""Finds the route for a request's path, and the path for a route; pure, without Trio."""
