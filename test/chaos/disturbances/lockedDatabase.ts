import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Disturbance } from "./disturbance.ts";

/** Path of the script that opens the database as the user of the service. */
export const databaseScript = new URL("../databaseScript.ts", import.meta.url).pathname;

/** Holds the lock of writers, as the owner's own sqlite3 could. */
export const lockedDatabase: Disturbance = {
  name: "database locked",
  async apply({ stage, subject }) {
    const database = join(subject.dataDir, "batchai.db");
    const [program, ...args] = stage.asUser([process.execPath, databaseScript, "lock", database]);
    const holder = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(holder, "exit");
    // It ends at once if the service keeps the lock for longer than it waits.
    await Promise.race([once(holder.stdout, "data"), ended]);
    return async () => {
      holder.stdin.end();
      await ended;
    };
  },
};
