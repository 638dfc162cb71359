"""people: accounts, offices as a tree, roles and what each may do, delegations, and the scope every query starts from.

May import: core. Others may use: models (User, Office, Appointment, Delegation …), passwords, origin, roles, scope, actions, queries.
"""
