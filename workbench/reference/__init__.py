"""The reference in docs/reference: hand-written pages with tables generated from the code.

`python -m workbench.reference` rewrites the tables. A section between `<!-- generated: name -->`
and `<!-- end -->` belongs to the generator, everything else to its authors.
"""
