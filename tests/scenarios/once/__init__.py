"""A message that is sent again, here or in another region, is there once."""
