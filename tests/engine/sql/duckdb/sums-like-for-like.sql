WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), whole AS (
  SELECT
    "institution"
  FROM base
  GROUP BY
    "institution"
  HAVING
    COUNT("electricity_kwh") >= 1
), then0 AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2021-01', '2021-02', '2021-03', '2021Q1')
), like0 AS (
  SELECT DISTINCT
    "area" AS "k0",
    "institution"
  FROM then0
  WHERE
    "institution" IN (
      SELECT
        "institution"
      FROM then0
      GROUP BY
        "institution"
      HAVING
        COUNT("electricity_kwh") >= 1
    )
    AND "type" IN ('organ')
), amounts AS (
  SELECT
    "base"."area" AS "k0",
    "base"."institution",
    COUNT(*) AS "lines",
    SUM("base"."electricity_kwh") AS "s0",
    COUNT("base"."electricity_kwh") AS "n0"
  FROM base
  JOIN whole
    ON "base"."institution" = "whole"."institution"
  JOIN like0
    ON "base"."area" IS NOT DISTINCT FROM "like0"."k0"
    AND "base"."institution" IS NOT DISTINCT FROM "like0"."institution"
  WHERE
    "base"."type" IN ('organ')
  GROUP BY
    "base"."area",
    "base"."institution"
)
SELECT
  "k0" AS "c0",
  COUNT(*) AS "c1",
  SUM("lines") AS "c2",
  SUM("s0") AS "c3",
  COUNT("s0") AS "c4",
  SUM("n0") AS "c5"
FROM amounts
GROUP BY
  "k0"
