"""reports: official documents and statutory tables, compiled from figures: every printed number knows its proof.

May import: everything below. Others may use: models, actions, queries.
"""
