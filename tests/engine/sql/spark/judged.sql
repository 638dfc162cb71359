WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    `period` IN ('2022-01', '2022-02', '2022-03', '2022Q1')
)
SELECT
  `base`.`return_id`,
  ABS(
    TRY_CAST(TRY_DIVIDE(
      CAST(TRY_CAST(`base`.`electricity_kwh` AS DECIMAL(16, 4)) - TRY_MOD(
        TRY_CAST(`base`.`electricity_kwh` AS DECIMAL(16, 4)),
        TRY_CAST(`last_year`.`electricity_kwh` AS DECIMAL(16, 4)) * CAST(0.0000000001 AS DECIMAL(10, 10))
      ) AS DECIMAL(38, 14)),
      TRY_CAST(`last_year`.`electricity_kwh` AS DECIMAL(16, 4))
    ) AS DECIMAL(21, 9)) - CAST(1 AS DECIMAL(10, 9))
  ) <= CAST(0.3 AS DECIMAL(9, 9)) AS `s0`,
  CASE
    WHEN NOT (
      TRY_CAST(`base`.`water_m3` AS DECIMAL(16, 4)) IS NULL
    )
    THEN (
      CAST(TRY_CAST(`base`.`people` AS DECIMAL(16, 4)) AS DECIMAL(19, 4)) * TRY_CAST(`base`.`area_m2` AS DECIMAL(16, 4))
    ) > CAST(0.5 AS DECIMAL(8, 8))
  END AS `s1`
FROM base
LEFT JOIN returns AS last_year
  ON `base`.`institution` = `last_year`.`institution`
  AND `last_year`.`year` = `base`.`year` - 1
  AND `last_year`.`month` IS NOT DISTINCT FROM `base`.`month`
