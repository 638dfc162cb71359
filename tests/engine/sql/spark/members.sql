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
)
SELECT
  `k0`,
  COUNT(*) AS `n`
FROM standing
GROUP BY
  `k0`
