SELECT
  SUM(CAST(`count` AS DECIMAL(38, 4))),
  COUNT(`count`)
FROM ledger_waste_bins
WHERE
  (
    `kind` IN ('two_way') AND `issued_on` >= '2022-01-01'
  )
  AND `issued_on` <= '2022-12-31'
