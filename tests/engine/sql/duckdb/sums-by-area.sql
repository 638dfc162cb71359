WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), whole AS (
  SELECT
    "institution",
    MAX(CASE WHEN NOT "area_m2" IS NULL THEN "period" END) AS "last1",
    COUNT("people") AS "months2"
  FROM base
  GROUP BY
    "institution"
  HAVING
    COUNT("electricity_kwh") >= 1 AND COUNT("people") >= 1
), parts AS (
  SELECT
    "base"."area" AS "k0",
    "base"."institution",
    COUNT(*) AS "lines",
    SUM("base"."electricity_kwh") AS "sum0",
    COUNT("base"."electricity_kwh") AS "cells0",
    SUM(CASE WHEN "base"."period" = "whole"."last1" THEN "base"."area_m2" END) AS "sum1",
    COUNT(CASE WHEN "base"."period" = "whole"."last1" THEN "base"."area_m2" END) AS "cells1",
    SUM("base"."people") AS "sum2",
    COUNT("base"."people") AS "cells2",
    MAX("whole"."months2") AS "months2"
  FROM base
  JOIN whole
    ON "base"."institution" = "whole"."institution"
  WHERE
    STARTS_WITH("base"."line", '/341800/341802/')
    OR STARTS_WITH("base"."line", '/341800/341821/')
  GROUP BY
    "base"."area",
    "base"."institution"
)
SELECT
  "k0" AS "c0",
  COUNT(*) AS "c1",
  SUM("lines") AS "c2",
  SUM("sum0") AS "c3",
  COUNT("sum0") AS "c4",
  SUM("cells0") AS "c5",
  SUM("sum1") AS "c6",
  COUNT("sum1") AS "c7",
  SUM("cells1") AS "c8",
  SUM(CASE WHEN "months2" = 1 THEN "sum2" END) AS "c9",
  SUM(CASE WHEN "months2" = 2 THEN "sum2" END) AS "c10",
  SUM(CASE WHEN "months2" = 3 THEN "sum2" END) AS "c11",
  SUM(CASE WHEN "months2" = 4 THEN "sum2" END) AS "c12",
  COUNT("sum2") AS "c13",
  SUM("cells2") AS "c14"
FROM parts
GROUP BY
  "k0"
