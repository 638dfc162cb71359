"""registry: institutions and their dated standing: name, reporting line, territory, type, in scope or not.

May import: core, rulebook, people, records. Others may use: models, actions, queries.
"""
