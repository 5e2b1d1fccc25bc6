"""A fuzzer of frames: broken input of every protocol against the product's handlers on twins."""
