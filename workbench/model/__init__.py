"""A model of latencies and cost: the product's code on twins whose calls take as long as on AWS.

`backend` runs the handlers on the simulator's virtual clock. What a call takes is drawn from
`latencies.toml`; nothing fails. The figures are predictions from published ones, not measurements.
"""
