"""What the commands of `trioweb` do: find an app, and serve it until a signal."""
