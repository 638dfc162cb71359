WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), amounts AS (
  SELECT
    "base"."institution",
    COUNT(*) AS "lines",
    SUM("base"."electricity_kwh") AS "s0",
    COUNT("base"."electricity_kwh") AS "n0"
  FROM base
  WHERE
    "base"."department" IN ('x'' OR ''1''=''1')
  GROUP BY
    "base"."institution"
)
SELECT
  COUNT(*) AS "c0",
  SUM("lines") AS "c1",
  SUM("s0") AS "c2",
  COUNT("s0") AS "c3",
  SUM("n0") AS "c4"
FROM amounts
