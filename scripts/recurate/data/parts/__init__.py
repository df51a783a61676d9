"""What data sets share."""
