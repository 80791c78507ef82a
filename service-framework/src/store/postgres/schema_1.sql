-- Times are microseconds since 1970-01-01 UTC. Names are ordered by their bytes, as everywhere else.
CREATE FUNCTION store_now() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint';

CREATE TABLE stream (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    -- First and last version that is there; 0 without events.
    first bigint NOT NULL,
    head bigint NOT NULL,
    category text COLLATE "C",
    status text COLLATE "C",
    owner text COLLATE "C",
    created bigint NOT NULL,
    changed bigint NOT NULL
);
CREATE INDEX stream_by_category ON stream (category, name) WHERE category IS NOT NULL;
CREATE INDEX stream_by_status ON stream (category, status, name) WHERE category IS NOT NULL;
CREATE INDEX stream_by_owner ON stream (category, owner, name) WHERE owner IS NOT NULL;

CREATE TABLE event (
    stream bigint NOT NULL,
    version bigint NOT NULL,
    packed boolean NOT NULL,
    -- CRC-32 of version, kind and payload.
    checksum bigint NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (stream, version)
);

CREATE TABLE claim (
    key text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL,
    expires bigint
);
CREATE INDEX claim_by_expiry ON claim (expires) WHERE expires IS NOT NULL;

CREATE TABLE lease (
    name text COLLATE "C" PRIMARY KEY,
    epoch bigint NOT NULL,
    owner text,
    until bigint NOT NULL
);

-- What is ready can be taken: at first when it is due, then when it is no longer held.
CREATE TABLE timer (
    id text COLLATE "C" PRIMARY KEY,
    due bigint NOT NULL,
    ready bigint NOT NULL,
    attempt integer NOT NULL,
    holder text,
    payload bytea NOT NULL
);
CREATE INDEX timer_by_ready ON timer (ready, id);

CREATE TABLE outbox (
    id text COLLATE "C" PRIMARY KEY,
    queue text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    ready bigint NOT NULL,
    attempt integer NOT NULL,
    holder text,
    payload bytea NOT NULL
);
CREATE INDEX outbox_by_ready ON outbox (queue, ready, id);
