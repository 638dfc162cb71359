"""sitting: what people decide on the findings of a review (会审): the workspace, the sitting, the 5 % sample, questions of integrity.

Nobody here changes a reported number alone: a finding is sent back with a suggested value, found right, explained, or changed on the
respondent's own word with a voucher. May import: everything below desk. From another room one may use: models, deciding, meeting,
sampling, queries.
"""
