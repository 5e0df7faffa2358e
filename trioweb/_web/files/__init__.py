"""Files as responses, and folders of them."""
