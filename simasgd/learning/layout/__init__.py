"""Layouts: the arrangement of a tape's values on the device, as the players need it.

A layout plans where each value is kept and provides the compiled loop that computes it. There is
one kind of layout for tapes with one chain of weights (`learning.chain`), and one for tapes with a
model for every learner (`learning.mixing`).
"""
