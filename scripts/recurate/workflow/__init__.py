"""What the Snakefile asks: settings, inputs, resources and code of every job, the targets."""
