import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { median } from "../median.ts";
import { BuiltService } from "./builtService.ts";
import { Caller } from "./caller.ts";

/** Figures of a service with so many finished jobs. */
export interface Finished {
  readonly startInMs: number;
  readonly getInMs: number;
  readonly firstPageInMs: number;
  /** Right after the start, in MB. */
  readonly memory: number;
}

/** Fills a data folder with copies of a job that has ended, and measures the service on it. */
export async function withFinishedJobs(main: string, folder: string, count: number): Promise<Finished> {
  const first = await BuiltService.start(main, folder);
  const caller = new Caller(first.connection);
  await caller.prepare({ nodes: 1 });
  await caller.createJob("original", "true");
  await caller.untilEnded("original");
  caller.close();
  await first.stop();
  copyJob(join(folder, "data/batchai.db"), count);

  const service = await BuiltService.start(main, folder);
  const client = new Caller(service.connection);
  const memory = service.usage().memory;
  const getInMs = await timeOf(() => client.send("GET", `/experiments/exp/jobs/copy${count >> 1}`));
  const firstPageInMs = await timeOf(() => client.send("GET", "/experiments/exp/jobs?maxresults=100"));
  client.close();
  await service.stop();
  return { startInMs: service.startInMs, getInMs, firstPageInMs, memory };
}

async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < 100; turn++) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  return median(times);
}

/** Copies the rows of job `original` and of everything that belongs to it, under other names. */
function copyJob(path: string, count: number): void {
  const database = new DatabaseSync(path);
  database.exec("BEGIN");
  const rowsOf = (table: string, column: string): Record<string, SQLOutputValue>[] =>
    database.prepare(`SELECT * FROM ${table} WHERE ${column} LIKE '%/jobs/original'`).all();
  const tables = [
    ["resources", "key", "sequence"],
    ["runs", "owner", "id"],
    ["operations", "resource", "id"],
  ] as const;
  for (const [table, column, identity] of tables) {
    for (const row of rowsOf(table, column)) {
      const { [identity]: known, ...others } = row;
      const names = Object.keys(others);
      const sql = `INSERT INTO ${table} (${[...names, identity].join()}) VALUES (${[...names, identity].map(() => "?").join()})`;
      const insert = database.prepare(sql);
      for (let copy = 1; copy <= count; copy++) {
        const values = names.map((name) => renamed(row[name] ?? null, copy));
        insert.run(...values, typeof known === "string" ? `${known}-${copy}` : null);
      }
    }
  }
  database.exec("COMMIT");
  database.close();
}

function renamed(value: SQLOutputValue, copy: number): SQLOutputValue {
  return typeof value === "string" ? value.replaceAll("original", `copy${copy}`) : value;
}
