"""review: the findings that matter among the returns (会审). Units, outliers, stakes, order, stopping line, explanations.

The methods (robust, expect, forecast, errors, patterns, stakes, assess, one) are functions of arrays and know no database; reading, run
and actions bring them to the records; sifting makes of a rulebook's review the sieve for a whole nation's frozen year, screening keeps what
came out (places, screened) and reviews its candidates alone (beside). May import: core, rulebook, engine, people, records, registry, returns. From another
room one may use: models, actions, queries, one, reading, screening, screened, sifting, stakes.
"""
