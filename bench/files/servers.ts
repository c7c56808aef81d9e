import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../test/freePort.ts";
import { Caller } from "./calls.ts";
import { blobDialect, filesDialect, limitDialect } from "./dialects.ts";
import type { Dialect } from "./dialects.ts";

/** A server in its own process. */
export interface Server {
  readonly name: string;
  readonly dialect: Dialect;
  readonly caller: Caller;
  /** Folder of the files, if the server stores plain files. */
  readonly folder: string | undefined;
  /** Time from the start of the process until it accepted a connection. */
  readonly startInMs: number;
  /** Memory in MB (10⁶ bytes): the current value, and the peak. */
  memory(): Promise<{ now: number; peak: number }>;
  stop(): Promise<void>;
}

/** Program, arguments and dialect of a server. */
interface Recipe {
  readonly name: string;
  readonly dialect: Dialect;
  readonly folder?: string;
  readonly command: (port: number) => string[];
}

/** Returns Azurite, or `undefined` if it is not installed in `folder` (see README.md). */
export function azurite(folder: string, dataDir: string): Recipe | undefined {
  const main = join(folder, "node_modules/azurite/dist/src/blob/main.js");
  if (!existsSync(main)) return undefined;
  // Default account and key of Azurite; they are not secret.
  const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
  return {
    name: "Azurite (blobs)",
    dialect: blobDialect("devstoreaccount1", key),
    command: (port) => [main, "--location", dataDir, "--blobPort", String(port), "--silent", "--disableTelemetry"],
  };
}

/** Returns the minimal server. */
export function limit(dataDir: string): Recipe {
  const program = new URL("limitServer.ts", import.meta.url).pathname;
  return {
    name: "node:http + fs",
    dialect: limitDialect,
    folder: join(dataDir, "bench"),
    command: (port) => [program, dataDir, String(port)],
  };
}

/** Returns this project's endpoint, from a built package. */
export async function batchai(built: string, dataDir: string): Promise<Recipe> {
  const key = randomBytes(64).toString("base64");
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, "accounts.json"), JSON.stringify([{ name: "bench", key }]), { mode: 0o600 });
  return {
    name: "batchai files",
    dialect: filesDialect("bench", key),
    folder: join(dataDir, "bench/bench"),
    command: (port) => [join(built, "cli/main.js"), "files", "--data-dir", dataDir, "--port", String(port)],
  };
}

/** Starts a server, which accepts requests when the promise resolves. */
export async function start({ name, dialect, folder, command }: Recipe): Promise<Server> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, command(port), { stdio: ["ignore", "ignore", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with exit code ${child.exitCode}.`);
    await delay(5);
  }
  const startInMs = performance.now() - began;
  const caller = new Caller(port);
  return {
    name,
    dialect,
    caller,
    folder,
    startInMs,
    memory: () => memoryOf(child),
    async stop() {
      caller.close();
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

async function memoryOf({ pid }: ChildProcess): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${String(pid)}/status`, "utf8");
  const megabytes = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024) / 1e6;
  return { now: megabytes("VmRSS"), peak: megabytes("VmHWM") };
}
