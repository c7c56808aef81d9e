import { type Card, failedLook, type GpuTool, type GpuUse, type Look } from "./gpuTool.ts";
import { cardsOfDriver, driverFolder, placeOf } from "./nvidiaDriver.ts";
import { problemOf, type ProgramOutput, quoted } from "../../ground/runProgram.ts";
import type { Program } from "./program.ts";

const bytesPerMiB = 1024 * 1024;

/** NVIDIA's GPUs, by `nvidia-smi`. Its texts differ between versions, and any value may be a word such as `[N/A]`. */
export class NvidiaTool implements GpuTool {
  readonly name: string;
  readonly maker = "nvidia";
  readonly #program: Program;
  readonly #folder: string;
  /** Drivers before version 450 do not know MIG, and reject a query for it. */
  #knowsMig = true;

  /** @param folder - Folder in which the kernel module describes its GPUs. */
  constructor(program: Program, folder = driverFolder) {
    this.name = program.name;
    this.#program = program;
    this.#folder = folder;
  }

  installed(): Promise<readonly Card[]> {
    return cardsOfDriver(this.#folder);
  }

  async look(known: readonly Card[]): Promise<Look> {
    const listed = await this.#list(known);
    if (listed.problem !== undefined || listed.rows.length === 0) return { cards: [], uses: [], ...listed };
    const cards = await this.#withParts(listed.rows);
    // A lost GPU makes some versions fail unless they are asked for the others.
    const selection = listed.lost.size > 0 ? [selectionOf(listed.rows.map(({ card }) => card))] : [];
    const users = await this.#program.run([...selection, "--query-compute-apps=gpu_uuid,pid,used_memory", csv]);
    if (users.exitCode !== 0) return failedLook(problemOf(this.name, users));
    return { cards, uses: usesOf(users.stdout), lost: listed.lost };
  }

  kill(): void {
    this.#program.kill();
  }

  async #list(known: readonly Card[]): Promise<List> {
    const listed = listOf(this.name, await this.#query());
    const others = known.filter(({ place }) => !listed.lost.has(place));
    // Some versions end at the first GPU that is lost. The other GPUs are well.
    if (listed.rows.length > 0 || listed.lost.size === 0 || others.length === 0) return listed;
    const rest = listOf(this.name, await this.#query(selectionOf(others)));
    return { ...rest, lost: new Map([...listed.lost, ...rest.lost]) };
  }

  async #query(...selection: string[]): Promise<ProgramOutput> {
    const fields = "index,uuid,pci.bus_id,name,memory.total";
    const query = (more: string) => this.#program.run([...selection, `--query-gpu=${fields}${more}`, csv]);
    const output = await query(this.#knowsMig ? ",mig.mode.current" : "");
    if (!this.#knowsMig || !/not a valid field/i.test(output.stdout + output.stderr)) return output;
    this.#knowsMig = false;
    return await query("");
  }

  /** Replaces each GPU that is divided by its parts. Only the parts can be used then. */
  async #withParts(rows: readonly Row[]): Promise<Card[]> {
    if (!rows.some(({ isDivided }) => isDivided)) return rows.map(({ card }) => card);
    const { stdout } = await this.#program.run(["-L"]);
    return rows.flatMap(({ card, isDivided }) => {
      if (!isDivided) return [card];
      const parts = partsIn(stdout, card);
      return parts.length > 0 ? parts : [{ ...card, unhealthy: "MIG is on, but it has no MIG devices." }];
    });
  }
}

const csv = "--format=csv,noheader,nounits";

function selectionOf(cards: readonly Card[]): string {
  return `--id=${[...new Set(cards.map(({ gpu, whole }) => whole ?? gpu.uuid))].join(",")}`;
}

interface Row {
  readonly card: Card;
  readonly isDivided: boolean;
}

interface List extends Pick<Look, "lost" | "problem"> {
  readonly rows: readonly Row[];
}

function listOf(name: string, output: ProgramOutput): List {
  const lines = output.stdout.split("\n");
  const rows = lines.map((line) => rowOf(line)).filter((row) => row !== undefined);
  const lost = lostIn(`${output.stdout}\n${output.stderr}`);
  for (const { card } of rows) lost.delete(card.place);
  const isEmpty = /No devices were found/i.test(output.stdout + output.stderr);
  if (rows.length > 0 || lost.size > 0 || isEmpty) return { rows, lost };
  return { rows, lost, problem: problemOf(name, output) };
}

/** Parses a line such as `0, GPU-5d49bdf4-..., 00000000:1A:00.0, GeForce RTX 2080 Ti, 11019, [N/A]`. */
function rowOf(line: string): Row | undefined {
  const [index = "", uuid = "", bus = "", ...rest] = line.split(",").map((value) => value.trim());
  if (!/^GPU-[\w-]+$/.test(uuid) || rest.length < 2) return undefined;
  const hasMig = rest.length > 2;
  const mig = hasMig ? rest.pop() : undefined;
  const memory = rest.pop() ?? "";
  const failure = failureIn(line);
  return {
    card: {
      place: placeOf(bus) ?? `index ${index.padStart(4, "0")}`,
      gpu: { uuid, name: rest.join(", "), ...memoryOf(memory) },
      ...(failure === undefined ? {} : { unhealthy: `nvidia-smi shows ${failure} for it.` }),
    },
    isDivided: /^Enabled$/i.test(mig ?? ""),
  };
}

function memoryOf(mebibytes: string): { memoryInBytes?: number } {
  return /^\d+$/.test(mebibytes) ? { memoryInBytes: Number(mebibytes) * bytesPerMiB } : {};
}

/**
 * Finds messages such as "Unable to determine the device handle for GPU0000:0B:00.0: GPU is lost.  Reboot the system to
 * recover this GPU", which may continue on the next line, and rows with a failure instead of the UUID.
 */
function lostIn(text: string): Map<string, string> {
  const lost = new Map<string, string>();
  const lines = text.split("\n");
  for (const [position, line] of lines.entries()) {
    const place = placeOf(line);
    const next = lines[position + 1] ?? "";
    const failure = failureIn(line);
    if (place === undefined) continue;
    if (/Unable to determine the device handle/i.test(line)) {
      const message = /^\s*(?:the system|Reboot)/i.test(next) ? `${line} ${next}` : line;
      lost.set(place, `nvidia-smi says: ${quoted(message)}.`);
    } else if (failure !== undefined) {
      lost.set(place, `nvidia-smi shows ${failure} for it.`);
    }
  }
  return lost;
}

/** Returns the words that stand for values of a GPU that has failed. `[N/A]` and `[Not Supported]` are harmless. */
function failureIn(line: string): string | undefined {
  return /\[(?:GPU [^\]]{1,60}|Unknown Error)\]/i.exec(line)?.[0];
}

/** Finds the parts of a GPU in the output of `nvidia-smi -L`. */
function partsIn(text: string, whole: Card): Card[] {
  const parts: Card[] = [];
  let isHere = false;
  for (const line of text.split("\n")) {
    const [, kind = "", uuid = ""] = /^\s*(GPU|MIG)\b.*\(UUID:\s*([\w/-]+)\)/.exec(line) ?? [];
    if (kind === "GPU") isHere = uuid === whole.gpu.uuid;
    if (kind !== "MIG" || !isHere) continue;
    const profile = /MIG\s+(\S+)/.exec(line)?.[1] ?? "";
    const name = `${whole.gpu.name} MIG ${profile}`.trim();
    parts.push({ ...whole, gpu: { uuid, name, isPart: true }, whole: whole.gpu.uuid });
  }
  return parts;
}

/** Parses lines such as `GPU-5d49bdf4-..., 4711, 10240`, and skips all others. */
function usesOf(text: string): GpuUse[] {
  return text.split("\n").flatMap((line) => {
    const [, uuid = "", pid, memory = ""] = /^\s*((?:GPU|MIG)-[\w/-]+),\s*(\d+)(?:,\s*(.*?))?\s*$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ uuid, pid: Number(pid), ...memoryOf(memory) }];
  });
}
