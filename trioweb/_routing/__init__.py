"""From a request's path to the route that answers it, and back; pure, without Trio."""
