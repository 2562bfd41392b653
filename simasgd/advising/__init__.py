"""`simasgd advise`: which of many candidates reach a target soonest and cheapest, by a search that learns little."""
