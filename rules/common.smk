"""What all rules share.

Needs: `project`, the validated configuration.
Gives: `layout` for paths, and the alphabet of every wildcard.
"""

layout = project.layout


wildcard_constraints:
    **project.wildcards,
