"""Every file of a study: where it lies, how it is written and read, what stands beside it."""
