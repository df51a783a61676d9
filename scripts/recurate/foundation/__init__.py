"""Ground that everything stands on."""
