"""people: accounts, offices as a tree, roles and what each may do, and the scope every query starts from.

May import: core. Others may use: models (User, Office, Appointment), roles, scope, actions, queries.
"""
