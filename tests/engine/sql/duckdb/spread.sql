WITH base AS (
  SELECT
    *
  FROM returns
  WHERE
    "period" IN ('2022-01', '2022-02', '2022-03', '2022Q1')
), whole AS (
  SELECT
    "institution",
    COUNT("people") AS "months1",
    MAX(CASE WHEN NOT "area_m2" IS NULL THEN "period" END) AS "last2"
  FROM base
  GROUP BY
    "institution"
  HAVING
    COUNT("electricity_kwh") >= CASE
      WHEN BIT_COUNT(COALESCE(MAX("due"), 0) & 4103) IS NULL OR 1 IS NULL
      THEN NULL
      ELSE GREATEST(BIT_COUNT(COALESCE(MAX("due"), 0) & 4103), 1)
    END
), amounts AS (
  SELECT
    "base"."type" AS "k0",
    LEFT("base"."area", 2) AS "k1",
    "base"."institution",
    COUNT(*) AS "lines",
    SUM("base"."electricity_kwh") AS "s0",
    COUNT("base"."electricity_kwh") AS "n0",
    SUM("base"."people") AS "s1",
    COUNT("base"."people") AS "n1",
    MAX("whole"."months1") AS "m1",
    SUM(CASE WHEN "base"."period" = "whole"."last2" THEN "base"."area_m2" END) AS "s2",
    COUNT(CASE WHEN "base"."period" = "whole"."last2" THEN "base"."area_m2" END) AS "n2"
  FROM base
  JOIN whole
    ON "base"."institution" = "whole"."institution"
  GROUP BY
    "base"."type",
    LEFT("base"."area", 2),
    "base"."institution"
), sides AS (
  SELECT
    "k0",
    "k1",
    "institution",
    CAST("s0" AS DOUBLE) * CAST(0.1229 AS DOUBLE) + CAST("s1" AS DOUBLE) / CAST("m1" AS DOUBLE) * CAST(1 AS DOUBLE) AS "u",
    CAST("s2" AS DOUBLE) * CAST(1 AS DOUBLE) AS "l"
  FROM amounts
), valued AS (
  SELECT
    "k0",
    "k1",
    "institution",
    CASE WHEN "l" > 0 THEN CASE WHEN "l" <> 0 THEN "u" / "l" ELSE NULL END END AS "v"
  FROM sides
)
SELECT
  "k0",
  "k1",
  COUNT("v") AS "c0",
  MIN("v") AS "c1",
  QUANTILE_CONT("v", 0.25) AS "c2",
  QUANTILE_CONT("v", 0.5) AS "c3",
  MAX("v") AS "c4"
FROM valued
WHERE
  NOT "v" IS NULL
GROUP BY
  "k0",
  "k1"
