"""fieldwork: the ledger kit: any kind of ledger declared in the rulebook, with revisions, xlsx in and out, and freezing.

May import: everything below. Others may use: models, actions, queries.
"""
