import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunExit } from "../engine.ts";
import { errorCode } from "../../../ground/systemErrors.ts";
import { readProcess } from "./processTable.ts";
import { engineFolder } from "./supervisorScript.ts";

/** Whose a run is. */
export type Claim =
  /** Nobody's: a supervisor may still take it. */
  | { readonly kind: "open" }
  /** The engine's: no supervisor will ever run it. */
  | { readonly kind: "withdrawn" }
  /** A supervisor's, which lives or is gone. */
  | { readonly kind: "supervised"; readonly alive: boolean }
  /** A supervisor's that was interrupted while it wrote the claim, or is about to finish writing. */
  | { readonly kind: "unreadable" };

const withdrawn = "withdrawn";

/** The engine's own files in a run directory: the truth about the run. */
export class RunFiles {
  /** The folder that holds them. */
  readonly folder: string;

  constructor(runDirectory: string) {
    this.folder = join(runDirectory, engineFolder);
  }

  /** Makes the folder; readable by the service's user only, because command lines lie in it. */
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

  /** How the run ended; undefined while there is no exit file. */
  async readExit(): Promise<RunExit | undefined> {
    const text = await this.#read("exit.json");
    return text === undefined ? undefined : parseExit(text);
  }

  /** Writes how the run ended, unless that has been written before; answers what holds. */
  async recordExit(exit: RunExit): Promise<RunExit> {
    const known = await this.readExit();
    if (known) return known;
    await this.make();
    const partial = join(this.folder, `exit.${randomUUID()}`);
    await writeFile(partial, JSON.stringify(exit), { mode: 0o600, flush: true });
    try {
      await link(partial, join(this.folder, "exit.json"));
      return exit;
    } catch (error) {
      const earlier = await this.readExit();
      if (earlier === undefined) throw error;
      return earlier;
    } finally {
      await unlink(partial);
    }
  }

  /** Whose the run is. */
  async readClaim(): Promise<Claim> {
    const text = await this.#read("claim");
    if (text === undefined) return { kind: "open" };
    if (text.trim() === withdrawn) return { kind: "withdrawn" };
    const [, pid, started, bootId] = /^(\d+) (\d+) (\S+)\n$/.exec(text) ?? [];
    if (pid === undefined || started === undefined) return { kind: "unreadable" };
    const alive = bootId === (await currentBootId()) && readProcess(pid)?.started === started;
    return { kind: "supervised", alive };
  }

  /** Takes the claim, so that no supervisor ever will; answers whose the run is afterwards. */
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

/** Start times count from boot, so a claim of an earlier boot says nothing about the processes of this one. */
async function currentBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

function parseExit(text: string): RunExit | undefined {
  try {
    const exit = JSON.parse(text) as Partial<RunExit> | null;
    const known = exit?.kind === "exited" || exit?.kind === "stopped" || exit?.kind === "failed";
    return known ? (exit as RunExit) : undefined;
  } catch {
    return undefined; // Somebody else wrote it: links make the engine's own appear at once and complete.
  }
}
