SELECT
  "institution",
  "year",
  ARG_MAX("code", "period") AS "code",
  ARG_MAX("name", "period") AS "name",
  ARG_MAX("line", "period") AS "line",
  ARG_MAX("area", "period") AS "area",
  ARG_MAX("department", "period") AS "department",
  ARG_MAX("territory", "period") AS "territory",
  ARG_MAX("type", "period") AS "type",
  MAX(CASE WHEN "month" = 1 THEN "electricity_kwh" END) AS "electricity_kwh__01",
  MAX(CASE WHEN "month" = 2 THEN "electricity_kwh" END) AS "electricity_kwh__02",
  MAX(CASE WHEN "month" = 3 THEN "electricity_kwh" END) AS "electricity_kwh__03",
  MAX(CASE WHEN "month" = 4 THEN "electricity_kwh" END) AS "electricity_kwh__04",
  MAX(CASE WHEN "month" = 5 THEN "electricity_kwh" END) AS "electricity_kwh__05",
  MAX(CASE WHEN "month" = 6 THEN "electricity_kwh" END) AS "electricity_kwh__06",
  MAX(CASE WHEN "month" = 7 THEN "electricity_kwh" END) AS "electricity_kwh__07",
  MAX(CASE WHEN "month" = 8 THEN "electricity_kwh" END) AS "electricity_kwh__08",
  MAX(CASE WHEN "month" = 9 THEN "electricity_kwh" END) AS "electricity_kwh__09",
  MAX(CASE WHEN "month" = 10 THEN "electricity_kwh" END) AS "electricity_kwh__10",
  MAX(CASE WHEN "month" = 11 THEN "electricity_kwh" END) AS "electricity_kwh__11",
  MAX(CASE WHEN "month" = 12 THEN "electricity_kwh" END) AS "electricity_kwh__12",
  MAX(CASE WHEN "month" IS NULL THEN "electricity_kwh" END) AS "electricity_kwh__year"
FROM rows
WHERE
  "institution" BETWEEN 1 AND 20000
GROUP BY
  "institution",
  "year"
ORDER BY
  "institution",
  "year"
