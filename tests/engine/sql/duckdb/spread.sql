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
), numbered AS (
  SELECT
    "k0",
    "k1",
    "v",
    ROW_NUMBER() OVER (PARTITION BY "k0", "k1" ORDER BY "v") AS "place",
    COUNT(*) OVER (PARTITION BY "k0", "k1") AS "members"
  FROM valued
  WHERE
    NOT "v" IS NULL
)
SELECT
  "k0",
  "k1",
  MAX("members") AS "c0",
  MIN("v") AS "c1",
  MAX(
    CASE
      WHEN "place" = CAST(FLOOR((
        "members" - 1
      ) * CAST(0.25 AS DOUBLE)) AS BIGINT) + 1
      THEN "v"
    END
  ) AS "c2",
  MAX(
    CASE
      WHEN "place" = CAST(FLOOR((
        "members" - 1
      ) * CAST(0.25 AS DOUBLE)) AS BIGINT) + 2
      THEN "v"
    END
  ) AS "c3",
  MAX(
    CASE
      WHEN "place" = CAST(FLOOR((
        "members" - 1
      ) * CAST(0.5 AS DOUBLE)) AS BIGINT) + 1
      THEN "v"
    END
  ) AS "c4",
  MAX(
    CASE
      WHEN "place" = CAST(FLOOR((
        "members" - 1
      ) * CAST(0.5 AS DOUBLE)) AS BIGINT) + 2
      THEN "v"
    END
  ) AS "c5",
  MAX("v") AS "c6"
FROM numbered
GROUP BY
  "k0",
  "k1"
