"""From any source to a prepared data set."""
