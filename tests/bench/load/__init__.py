"""A load of real clients on a real `modeltrain serve`: people with terminals, keys, and answers that stream."""
