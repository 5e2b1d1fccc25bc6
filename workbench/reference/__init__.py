"""The reference in docs/reference: hand-written pages whose tables are made from the code.

`python -m workbench.reference` rewrites the tables. A section between `<!-- generated: name -->`
and `<!-- end -->` belongs to the generator, everything else to its authors.
"""
