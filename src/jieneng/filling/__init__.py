"""filling: a person files a year: the year sheet, the month, large type; drafts that are never lost; the workbook out and in.

May import: core, rulebook, people, records, registry, returns. Others may use: models, actions, queries.
"""
