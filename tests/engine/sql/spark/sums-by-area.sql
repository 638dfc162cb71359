WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), whole AS (
  SELECT
    `institution`,
    MAX(CASE WHEN NOT `area_m2` IS NULL THEN `period` END) AS `last1`,
    COUNT(`people`) AS `months2`
  FROM base
  GROUP BY
    `institution`
  HAVING
    COUNT(`electricity_kwh`) >= 1 AND COUNT(`people`) >= 1
), amounts AS (
  SELECT
    `base`.`area` AS `k0`,
    `base`.`institution`,
    COUNT(*) AS `lines`,
    SUM(`base`.`electricity_kwh`) AS `s0`,
    COUNT(`base`.`electricity_kwh`) AS `n0`,
    SUM(CASE WHEN `base`.`period` = `whole`.`last1` THEN `base`.`area_m2` END) AS `s1`,
    COUNT(CASE WHEN `base`.`period` = `whole`.`last1` THEN `base`.`area_m2` END) AS `n1`,
    SUM(`base`.`people`) AS `s2`,
    COUNT(`base`.`people`) AS `n2`,
    MAX(`whole`.`months2`) AS `m2`
  FROM base
  JOIN whole
    ON `base`.`institution` = `whole`.`institution`
  WHERE
    STARTSWITH(`base`.`line`, '/341800/341802/')
    OR STARTSWITH(`base`.`line`, '/341800/341821/')
  GROUP BY
    `base`.`area`,
    `base`.`institution`
)
SELECT
  `k0` AS `c0`,
  COUNT(*) AS `c1`,
  SUM(`lines`) AS `c2`,
  SUM(`s0`) AS `c3`,
  COUNT(`s0`) AS `c4`,
  SUM(`n0`) AS `c5`,
  SUM(`s1`) AS `c6`,
  COUNT(`s1`) AS `c7`,
  SUM(`n1`) AS `c8`,
  SUM(CASE WHEN `m2` = 1 THEN `s2` END) AS `c9`,
  SUM(CASE WHEN `m2` = 2 THEN `s2` END) AS `c10`,
  SUM(CASE WHEN `m2` = 3 THEN `s2` END) AS `c11`,
  SUM(CASE WHEN `m2` = 4 THEN `s2` END) AS `c12`,
  COUNT(`s2`) AS `c13`,
  SUM(`n2`) AS `c14`
FROM amounts
GROUP BY
  `k0`
