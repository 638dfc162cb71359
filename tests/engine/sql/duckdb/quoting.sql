WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), parts AS (
  SELECT
    "base"."institution",
    COUNT(*) AS "lines",
    SUM("base"."electricity_kwh") AS "sum0",
    COUNT("base"."electricity_kwh") AS "cells0"
  FROM base
  WHERE
    "base"."department" IN ('x'' OR ''1''=''1')
  GROUP BY
    "base"."institution"
)
SELECT
  COUNT(*) AS "c0",
  SUM("lines") AS "c1",
  SUM("sum0") AS "c2",
  COUNT("sum0") AS "c3",
  SUM("cells0") AS "c4"
FROM parts
