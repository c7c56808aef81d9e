import { type Card, failedLook, type GpuTool, type GpuUse, incompleteBy, type Look } from "./gpuTool.ts";
import { cardsOfDriver, driverFolder } from "./nvidiaDriver.ts";
import { type List, listOf, memoryOf } from "./nvidiaList.ts";
import { problemOf, type ProgramOutput } from "../../ground/runProgram.ts";
import type { Program } from "./program.ts";

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
    const { rows, ...rest } = listed;
    if (listed.problem !== undefined || rows.length === 0) return { cards: [], uses: [], ...rest };
    const parted = await this.#withParts(listed);
    // A lost GPU makes some versions fail unless they are asked for the others.
    const selection = listed.lost.size > 0 ? [selectionOf(rows.map(({ card }) => card))] : [];
    const users = await this.#program.run([...selection, "--query-compute-apps=gpu_uuid,pid,used_memory", csv]);
    if (users.exitCode !== 0) return failedLook(problemOf(this.name, users));
    return { ...rest, ...parted, uses: usesOf(users.stdout) };
  }

  kill(): void {
    this.#program.kill();
  }

  async #list(known: readonly Card[]): Promise<List> {
    const listed = listOf(this.name, await this.#query(), known);
    const others = known.filter(({ place }) => !listed.lost.has(place));
    // Some versions end at the first GPU that is lost. The other GPUs are well.
    if (listed.rows.length > 0 || listed.lost.size === 0 || others.length === 0) return listed;
    const rest = listOf(this.name, await this.#query(selectionOf(others)), known);
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
  async #withParts({ rows }: List): Promise<Pick<Look, "cards" | "incomplete">> {
    if (!rows.some(({ isDivided }) => isDivided)) return { cards: rows.map(({ card }) => card) };
    const output = await this.#program.run(["-L"]);
    const incomplete = incompleteBy(this.name, output);
    const cards = rows.flatMap(({ card, isDivided }) => {
      if (!isDivided) return [card];
      const parts = partsIn(output.stdout, card);
      return parts.length > 0 ? parts : [{ ...card, unhealthy: "MIG is on, but it has no MIG devices." }];
    });
    return { cards, ...(incomplete === undefined ? {} : { incomplete }) };
  }
}

const csv = "--format=csv,noheader,nounits";

function selectionOf(cards: readonly Card[]): string {
  return `--id=${[...new Set(cards.map(({ gpu, whole }) => whole ?? gpu.uuid))].join(",")}`;
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
