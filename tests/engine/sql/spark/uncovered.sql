WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), standing AS (
  SELECT DISTINCT
    `area` AS `k0`,
    `institution`
  FROM base
  UNION
  SELECT
    `area` AS `k0`,
    `institution`
  FROM bodies
  WHERE
    (
      `expected` AND NOT `institution` IN (
        SELECT
          `institution`
        FROM base
      )
    )
    AND `due` & 4103 <> 0
), found AS (
  SELECT
    `institution`,
    MAX_BY(`name`, `period`) AS `name`,
    COUNT(`electricity_kwh`) AS `n0`,
    COUNT(`people`) AS `n1`,
    GREATEST(BIT_COUNT(COALESCE(MAX(`due`), 0) & 4103), 1) AS `owed`
  FROM base
  GROUP BY
    `institution`
)
SELECT
  `standing`.`k0`,
  `standing`.`institution`,
  COALESCE(`found`.`name`, `bodies`.`name`) AS `name`,
  `found`.`institution` IS NULL,
  `found`.`owed`,
  COALESCE(`found`.`n0`, 0),
  COALESCE(`found`.`n1`, 0)
FROM standing
LEFT JOIN found
  ON `standing`.`institution` = `found`.`institution`
LEFT JOIN bodies
  ON `standing`.`institution` = `bodies`.`institution`
WHERE
  `found`.`institution` IS NULL
  OR COALESCE(`found`.`n0`, 0) < 1
  OR COALESCE(`found`.`n1`, 0) < 1
ORDER BY
  `standing`.`k0` NULLS LAST,
  `name` NULLS LAST,
  `standing`.`institution` NULLS LAST
LIMIT 1000
