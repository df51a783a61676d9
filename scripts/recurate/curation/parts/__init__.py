"""What curation shares: its exact operator, and moments of rewards."""
