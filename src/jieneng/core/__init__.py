"""core: the words everything else is said in. Standard library only.

Others may use: words (T), problem (Problem, Refused, Finding), period, amount, figure, formula.
"""
