"""Recurate: generative models retrained on their own curated samples, as a reproducible study."""
