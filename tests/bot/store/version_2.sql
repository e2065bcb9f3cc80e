-- A database as version 2 of the schema wrote it (November 2026), with TIME for the present.
CREATE TABLE version (number INTEGER NOT NULL);
INSERT INTO version VALUES(2);
CREATE TABLE jobs (
	reference TEXT NOT NULL,
	platform TEXT NOT NULL,
	user BIGINT NOT NULL,
	place BIGINT,
	language TEXT NOT NULL,
	phrase TEXT NOT NULL,
	options JSON NOT NULL,
	private BOOLEAN NOT NULL,
	origin JSON NOT NULL,
	asked FLOAT NOT NULL,
	process TEXT,
	PRIMARY KEY (reference)
);
INSERT INTO jobs VALUES('7UWQUR','telegram',7,-50,'en','Érase una vez','{"sentences": 2, "style": "galdos", "temperature": 0.6, "top_p": 0.95, "seed": 7, "sentence_limit": 160, "candidates": 1}',1,'{"chat": -50, "endings": 3}',TIME - 5,NULL);
INSERT INTO jobs VALUES('ACD34F','telegram',8,NULL,'es','En un lugar','{"sentences": 2, "style": null, "temperature": 0.6, "top_p": 0.95, "seed": 8, "sentence_limit": 160, "candidates": 1}',0,'{"chat": 8}',TIME - 4,NULL);
INSERT INTO jobs VALUES('QRT679','discord',9,NULL,'es','Dicen','{"sentences": 1, "style": null, "temperature": 0.6, "top_p": 0.95, "seed": 9, "sentence_limit": 160, "candidates": 1}',0,'{"id": 1}',TIME - 3,NULL);
CREATE TABLE events (
	platform TEXT NOT NULL,
	"key" TEXT NOT NULL,
	body JSON,
	received FLOAT NOT NULL,
	process TEXT,
	PRIMARY KEY (platform, "key")
);
INSERT INTO events VALUES('telegram','1',NULL,TIME - 5,NULL);
INSERT INTO events VALUES('telegram','2','{"update_id": 2}',TIME - 2,NULL);
CREATE TABLE requests (
	id INTEGER NOT NULL,
	person TEXT NOT NULL,
	server TEXT,
	at FLOAT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO requests VALUES(1,'telegram:7','telegram:-50',TIME - 5);
CREATE TABLE blocks (
	person TEXT NOT NULL,
	until FLOAT NOT NULL,
	PRIMARY KEY (person)
);
INSERT INTO blocks VALUES('telegram:6',TIME + 600);
CREATE TABLE memory (
	name TEXT NOT NULL,
	value JSON NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO memory VALUES('checkpoint','{"name": "otro", "previous": "tiny", "instead_of": "tiny"}');
CREATE TABLE audit (
	id INTEGER NOT NULL,
	at FLOAT NOT NULL,
	who TEXT NOT NULL,
	what TEXT NOT NULL,
	details JSON NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO audit VALUES(1,TIME - 9,'discord:1','pause','{}');
CREATE TABLE processes (
	id TEXT NOT NULL,
	state JSON NOT NULL,
	expires FLOAT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE leases (
	name TEXT NOT NULL,
	process TEXT NOT NULL,
	expires FLOAT NOT NULL,
	PRIMARY KEY (name)
);
CREATE INDEX ix_jobs_process ON jobs (process);
CREATE INDEX ix_jobs_platform ON jobs (platform);
CREATE INDEX ix_events_received ON events (received);
CREATE INDEX requests_of_servers ON requests (server, at);
CREATE INDEX ix_requests_person ON requests (person);
CREATE INDEX ix_requests_at ON requests (at);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX unhandled_events ON events (platform) WHERE body IS NOT NULL;
