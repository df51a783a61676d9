"""What theory says about curated retraining: operator, forecast, published bounds and their verdicts."""
