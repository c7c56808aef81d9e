import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";

/*
 * Run as the user of the service, because SQLite creates files beside the database: `read` prints what is wrong in the
 * database as a list in JSON; `lock` holds the lock of writers until its input ends.
 */

/** Queries that return a row for each contradiction between the tables. */
const contradictions: Readonly<Record<string, string>> = {
  integrity: "SELECT integrity_check AS problem FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
  "foreign keys": 'SELECT "table" AS problem FROM pragma_foreign_key_check',
  "a queued job is not in the queue": `
    SELECT key AS problem FROM resources
    WHERE kind = 'jobs' AND deleting = 0 AND json_extract(body, '$.executionState') = 'queued'
      AND key NOT IN (SELECT job FROM queue) AND key NOT IN (SELECT owner FROM runs WHERE ended IS NULL)`,
  "a job in the queue is not queued": `
    SELECT job AS problem FROM queue JOIN resources ON key = job
    WHERE json_extract(body, '$.executionState') <> 'queued' OR deleting = 1`,
  "a node has a job without a run": `
    SELECT id || ' ' || job AS problem FROM nodes
    WHERE job IS NOT NULL AND job NOT IN (SELECT owner FROM runs WHERE ended IS NULL)`,
  "a running node has no job": "SELECT id AS problem FROM nodes WHERE state = 'running' AND job IS NULL",
  "an idle node has a job": "SELECT id AS problem FROM nodes WHERE state = 'idle' AND job IS NOT NULL",
  "a run of a job has no node": `
    SELECT id AS problem FROM runs WHERE ended IS NULL AND kind = 'job' AND owner NOT IN (SELECT job FROM nodes WHERE job IS NOT NULL)`,
  "a run has no owner": `
    SELECT id AS problem FROM runs
    WHERE owner NOT IN (SELECT key FROM resources) AND owner NOT IN (SELECT id FROM nodes)`,
  "a job has two runs that have not ended": `
    SELECT owner AS problem FROM runs WHERE ended IS NULL GROUP BY owner HAVING count(*) > 1`,
  "a running job has no run": `
    SELECT key AS problem FROM resources
    WHERE kind = 'jobs' AND json_extract(body, '$.executionState') IN ('running', 'terminating')
      AND key NOT IN (SELECT owner FROM runs WHERE ended IS NULL)`,
  "an ended job has a run that has not ended": `
    SELECT key AS problem FROM resources JOIN runs ON owner = key
    WHERE ended IS NULL AND json_extract(body, '$.executionState') IN ('succeeded', 'failed')`,
  "a secret has no owner":
    "SELECT DISTINCT owner AS problem FROM secrets WHERE owner <> 'service' AND owner NOT IN (SELECT key FROM resources)",
};

const [mode, path = ""] = process.argv.slice(2);
const database = new DatabaseSync(path, { readOnly: mode === "read", timeout: 5000 });
if (mode === "read") {
  database.exec("BEGIN");
  const found = Object.entries(contradictions).flatMap(([what, query]) => {
    return database
      .prepare(query)
      .all()
      .map(({ problem }) => `${what}: ${String(problem)}`);
  });
  process.stdout.write(JSON.stringify(found));
} else {
  database.exec("BEGIN IMMEDIATE");
  process.stdout.write("locked\n");
  process.stdin.resume();
  await once(process.stdin, "end");
  database.exec("ROLLBACK");
}
database.close();
