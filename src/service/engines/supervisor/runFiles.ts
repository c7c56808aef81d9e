import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunEnd } from "../engine.ts";
import { errorCode } from "../../../ground/systemErrors.ts";
import { readProcess } from "./processTable.ts";
import { engineFolder } from "./supervisorScript.ts";

/** Owner of a run. */
export type Claim =
  /** No owner: a supervisor may still take it. */
  | { readonly kind: "open" }
  /** The engine: no supervisor will ever run it. */
  | { readonly kind: "withdrawn" }
  /** A supervisor, which is running or has ended. */
  | { readonly kind: "supervised"; readonly alive: boolean }
  /** A supervisor that was interrupted while it wrote the claim, or is still writing. */
  | { readonly kind: "unreadable" };

const withdrawn = "withdrawn";

/** The engine's own files in a run directory. They determine the state of the run. */
export class RunFiles {
  /** The folder that holds them. */
  readonly folder: string;

  constructor(runDirectory: string) {
    this.folder = join(runDirectory, engineFolder);
  }

  /** Creates the folder, readable only by the user of the service, because it contains command lines. */
  async make(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Removes the folder with all that is in it. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Writes a file of fields for the supervisor. */
  async writeFields(name: string, fields: readonly (string | number)[]): Promise<void> {
    const text = fields.map((field) => `${field}\0`).join("");
    const partial = join(this.folder, `${name}.${randomUUID()}`);
    await writeFile(partial, text, { mode: 0o600 });
    await rename(partial, join(this.folder, name));
  }

  /** Returns how the run ended; undefined as long as no exit file exists. */
  async readExit(): Promise<RunEnd | undefined> {
    const text = await this.#read("exit.json");
    return text === undefined ? undefined : parseExit(text);
  }

  /** Writes how the run ended, unless that has already been written. Returns the end that is on file. */
  async recordExit(end: RunEnd): Promise<RunEnd> {
    const known = await this.readExit();
    if (known) return known;
    await this.make();
    const partial = join(this.folder, `exit.${randomUUID()}`);
    await writeFile(partial, JSON.stringify(end), { mode: 0o600, flush: true });
    try {
      await link(partial, join(this.folder, "exit.json"));
      return end;
    } catch (error) {
      const earlier = await this.readExit();
      if (earlier === undefined) throw error;
      return earlier;
    } finally {
      await unlink(partial);
    }
  }

  /** Returns the owner of the run. */
  async readClaim(): Promise<Claim> {
    const text = await this.#read("claim");
    if (text === undefined) return { kind: "open" };
    if (text.trim() === withdrawn) return { kind: "withdrawn" };
    const [, pid, started, bootId] = /^(\d+) (\d+) (\S+)\n$/.exec(text) ?? [];
    if (pid === undefined || started === undefined) return { kind: "unreadable" };
    const alive = bootId === (await currentBootId()) && readProcess(pid)?.started === started;
    return { kind: "supervised", alive };
  }

  /** Takes the claim unless a supervisor has it, and so keeps every supervisor from it. Returns the claim. */
  async withdraw(): Promise<Claim> {
    await this.make();
    try {
      await writeFile(join(this.folder, "claim"), `${withdrawn}\n`, { flag: "wx", mode: 0o600, flush: true });
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
    return this.readClaim();
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.folder, name), "utf8");
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
      throw error;
    }
  }
}

/** Start times count from the boot of the machine, so the claim of an earlier boot does not match any process. */
async function currentBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

function parseExit(text: string): RunEnd | undefined {
  try {
    const end = JSON.parse(text) as Partial<RunEnd> | null;
    const known = end?.kind === "exited" || end?.kind === "stopped" || end?.kind === "failed";
    return known ? (end as RunEnd) : undefined;
  } catch {
    return undefined; // Another program wrote it: the engine links complete exit files into place.
  }
}
