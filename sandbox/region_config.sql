-- The table of DistrictBuilder's database that says which data each region runs on, as its migrations leave it.
CREATE TABLE region_config (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name character varying NOT NULL,
    country_code character varying NOT NULL,
    region_code character varying NOT NULL,
    s3_uri character varying NOT NULL,
    version timestamp with time zone NOT NULL DEFAULT now(),
    hidden boolean NOT NULL DEFAULT false,
    archived boolean NOT NULL DEFAULT false,
    UNIQUE (name, country_code, region_code, version)
);
CREATE UNIQUE INDEX "UQ_region_code" ON region_config (country_code, region_code) WHERE NOT hidden AND NOT archived;
