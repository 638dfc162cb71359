SELECT DISTINCT
  `unit`
FROM ledger_waste_bins
ORDER BY
  `unit` NULLS LAST
