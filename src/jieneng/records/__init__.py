"""records: what happened and what was received: events in a chain, jobs, files by hash, evidence.

May import: core, people. Others may use: models, events.record, files, jobs, workbook.
"""
