"""exchange (交换): living beside the national platform. What the platform holds, the two-sided table, corrections, layouts taught and shared.

May import returns and everything below it. Others may use: models, actions, queries, layouts, exporting, register_lines. Pages are its own.
"""
