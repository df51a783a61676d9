"""What feature spaces share."""
