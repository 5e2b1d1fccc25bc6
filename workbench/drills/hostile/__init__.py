"""A hostile load beside honest clients: strangers and one greedy user attack while others chat."""
