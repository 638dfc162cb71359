WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), found AS (
  SELECT
    `institution`,
    GREATEST(BIT_COUNT(COALESCE(MAX(`due`), 0) & 4103), 1) AS `owed`,
    COUNT(`area_m2`) AS `n0`,
    COUNT(`electricity_kwh`) AS `n1`,
    COUNT(`people`) AS `n2`
  FROM base
  GROUP BY
    `institution`
), parts AS (
  SELECT DISTINCT
    `area` AS `k0`,
    `institution`
  FROM base
)
SELECT
  `parts`.`k0`,
  COUNT(CASE WHEN `found`.`n1` >= `found`.`owed` AND `found`.`n2` >= 1 THEN 1 END) AS `h0`,
  COUNT(CASE WHEN `found`.`n0` >= 1 THEN 1 END) AS `h1`
FROM parts
JOIN found
  ON `parts`.`institution` = `found`.`institution`
GROUP BY
  `parts`.`k0`
