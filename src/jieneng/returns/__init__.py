"""returns: rounds, returns, their revisions, findings and sign-off; intake by layout; freezing into a snapshot.

May import: core, rulebook, engine, people, records, registry. Others may use: models, actions, queries, intake, freeze.
"""
