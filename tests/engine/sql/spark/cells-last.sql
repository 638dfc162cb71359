WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), newest AS (
  SELECT
    `institution`,
    MAX(`period`) AS `p`
  FROM base
  WHERE
    NOT `area_m2` IS NULL
  GROUP BY
    `institution`
)
SELECT
  `base`.`institution`,
  `base`.`code`,
  `base`.`name`,
  `base`.`area`,
  `base`.`period`,
  `base`.`area_m2`,
  `base`.`return_id`,
  `base`.`revision`,
  `base`.`status`
FROM base
JOIN newest
  ON `base`.`institution` = `newest`.`institution` AND `base`.`period` = `newest`.`p`
WHERE
  NOT `base`.`area_m2` IS NULL AND `base`.`institution` IN (7)
ORDER BY
  `base`.`period` NULLS LAST,
  `base`.`area_m2` DESC,
  `base`.`return_id` NULLS LAST
LIMIT 100
OFFSET 0
