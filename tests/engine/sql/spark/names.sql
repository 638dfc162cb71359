WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
)
SELECT
  `institution`,
  MAX_BY(`name`, `period`) AS `name`
FROM base
WHERE
  `institution` IN (1, 2)
GROUP BY
  `institution`
