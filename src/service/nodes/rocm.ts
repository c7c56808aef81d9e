import { type Card, failedLook, type GpuTool, type GpuUse, incompleteBy, type Look } from "./gpuTool.ts";
import { problemOf } from "../../ground/runProgram.ts";
import type { Program } from "./program.ts";

/** Folder of the kernel's driver for computing on AMD's GPUs. */
export const kernelFolder = "/sys/class/kfd";

/** A GPU as `rocm-smi --json` describes it. The names of the members differ between versions. */
type Description = Readonly<Record<string, unknown>>;

/** AMD's GPUs, by `rocm-smi`. */
export class RocmTool implements GpuTool {
  readonly name: string;
  readonly maker = "amd";
  readonly #program: Program;

  constructor(program: Program) {
    this.name = program.name;
    this.#program = program;
  }

  installed(): Promise<readonly Card[]> {
    return Promise.resolve([]);
  }

  async look(): Promise<Look> {
    const list = await this.#program.run([
      ...["--showuniqueid", "--showbus", "--showproductname"],
      ...["--showmeminfo", "vram", "--json"],
    ]);
    const descriptions = descriptionsIn(list.stdout);
    if (descriptions === undefined || list.timedOut) return failedLook(problemOf(this.name, list));
    const cards = new Map([...descriptions].map(([number, description]) => [number, cardOf(number, description)]));
    const users = await this.#program.run(["--showpidgpus"]);
    if (users.exitCode !== 0) return failedLook(problemOf(this.name, users));
    const incomplete = incompleteBy(this.name, list);
    const uses = usesOf(users.stdout, cards);
    return { cards: [...cards.values()], uses, lost: new Map(), ...(incomplete === undefined ? {} : { incomplete }) };
  }

  kill(): void {
    this.#program.kill();
  }
}

/** Returns the GPUs by their numbers; undefined if the text is not what `rocm-smi` prints. Warnings may surround it. */
function descriptionsIn(text: string): Map<number, Description> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  return new Map(
    Object.entries(json).flatMap(([key, value]: [string, unknown]) => {
      const number = /^card(\d+)$/.exec(key)?.[1];
      return number === undefined || !isDescription(value) ? [] : [[Number(number), value]];
    }),
  );
}

function isDescription(value: unknown): value is Description {
  return typeof value === "object" && value !== null;
}

function cardOf(number: number, description: Description): Card {
  const id = /^0x([0-9a-f]+)$/i.exec(valueOf(description, "unique id") ?? "")?.[1]?.toLowerCase();
  const bus = valueOf(description, "pci bus")?.toUpperCase();
  // ROCm numbers GPUs by their nodes in the kernel's topology. Older versions of the tool do not show these.
  const node = valueOf(description, "node id");
  const memory = valueOf(description, "vram total memory (b)") ?? "";
  return {
    place: node === undefined ? `${bus ?? ""} ${digits(String(number))}` : `node ${digits(node)}`,
    gpu: {
      uuid: id === undefined ? `PCI-${bus ?? String(number)}` : `GPU-${id}`,
      name: valueOf(description, "card series") ?? valueOf(description, "device name") ?? "AMD GPU",
      vendor: "amd",
      ...(/^\d+$/.test(memory) ? { memoryInBytes: Number(memory) } : {}),
    },
  };
}

/** Returns a value by its name in any case; undefined if the tool does not know it. */
function valueOf(description: Description, name: string): string | undefined {
  const [, value] = Object.entries(description).find(([key]) => key.toLowerCase() === name) ?? [];
  const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return /^$|^N\/A$/i.test(text) ? undefined : text;
}

function digits(number: string): string {
  return number.padStart(6, "0");
}

/** Parses lines such as `PID 28156 is using 2 DRM device(s):`, and the numbers of GPUs in the lines that follow. */
function usesOf(text: string, cards: ReadonlyMap<number, Card>): GpuUse[] {
  const uses: GpuUse[] = [];
  let pid: number | undefined;
  for (const line of text.split("\n").filter((content) => content.trim() !== "")) {
    const isNumbers = /^[\d\s]+$/.test(line);
    if (!isNumbers) pid = Number(/^PID (\d+) is using/.exec(line)?.[1]) || undefined;
    for (const number of isNumbers ? line.trim().split(/\s+/) : []) {
      const uuid = cards.get(Number(number))?.gpu.uuid;
      if (uuid !== undefined && pid !== undefined) uses.push({ uuid, pid });
    }
  }
  return uses;
}
