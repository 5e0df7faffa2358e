"""What HTTP handlers hold and give back: requests, responses, files. See README.md beside this file."""
