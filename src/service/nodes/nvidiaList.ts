import { problemOf, type ProgramOutput, quoted } from "../../ground/runProgram.ts";
import { type Card, incompleteBy, type Look } from "./gpuTool.ts";
import { placeOf } from "./nvidiaDriver.ts";

const bytesPerMiB = 1024 * 1024;

/** A GPU in the list of `nvidia-smi`, and whether MIG has divided it into parts. */
export interface Row {
  readonly card: Card;
  readonly isDivided: boolean;
}

/** The GPUs that `nvidia-smi --query-gpu` has printed. */
export interface List extends Pick<Look, "lost" | "problem" | "incomplete"> {
  readonly rows: readonly Row[];
}

/**
 * Parses the list of GPUs. A GPU that is in the list, but without its UUID, is lost.
 * @param known - Cards that earlier looks have found.
 */
export function listOf(name: string, output: ProgramOutput, known: readonly Card[]): List {
  const failed = (problem: string): List => ({ rows: [], lost: new Map(), problem });
  if (output.timedOut) return failed(problemOf(name, output));
  const lines = linesOf(output).map((line) => lineOf(line, known));
  const rows = numbered(lines.flatMap(({ row }) => row ?? []));
  if (hasRepetition(rows.map(({ card }) => card))) return failed(`${name} lists a GPU twice.`);

  const lost = lostIn(`${output.stdout}\n${output.stderr}`);
  for (const { place, failure } of lines) {
    if (place !== undefined && failure !== undefined) lost.set(place, `nvidia-smi shows ${failure}.`);
  }
  for (const { card } of rows) lost.delete(card.place);
  if (rows.length === 0 && lost.size === 0) {
    return /No devices were found/i.test(output.stdout + output.stderr)
      ? { rows, lost }
      : failed(problemOf(name, output));
  }
  const isUnclear = lines.some(({ place, failure }) => failure !== undefined && place === undefined);
  const unclear = isUnclear ? `${name} shows a GPU without its UUID and PCI bus ID.` : undefined;
  const incomplete = incompleteBy(name, output) ?? unclear;
  return { rows, lost, ...(incomplete === undefined ? {} : { incomplete }) };
}

/** Returns the lines of a program. If it was killed, the last one may be cut off. */
function linesOf({ stdout, exitCode }: ProgramOutput): string[] {
  const lines = stdout.split("\n");
  return exitCode === undefined ? lines.slice(0, -1) : lines;
}

/** A line of the list. */
interface Line {
  readonly row?: Row;
  /** Phrase that says why the line describes a GPU, but is not a row. */
  readonly failure?: string;
  /** Place of the GPU of a failure. Absent if nothing tells it. */
  readonly place?: string | undefined;
}

/** Parses a line such as `0, GPU-5d49bdf4-..., 00000000:1A:00.0, GeForce RTX 2080 Ti, 11019, [N/A]`. */
function lineOf(line: string, known: readonly Card[]): Line {
  const values = line.split(",").map((value) => value.trim());
  const [number = "", uuid = "", bus = "", ...rest] = values;
  const index = /^\d+$/.test(number) ? Number(number) : undefined;
  const place = placeOf(bus);
  if (values.length < 2 || (index ?? place) === undefined) return {};
  const failure = values.map(failureIn).find((word) => word !== undefined);
  const isUuid = /^GPU-[\w-]+$/.test(uuid);
  if (!isUuid || rest.length < 2) {
    const words = isUuid ? "only the beginning of its line" : `${quoted(uuid) || "nothing"} instead of its UUID`;
    const byIndex = known.find((card) => card.index !== undefined && card.index === index)?.place;
    return { failure: `${failure ?? words} for it`, place: place ?? byIndex };
  }
  const before = known.find(({ gpu, whole }) => (whole ?? gpu.uuid) === uuid);
  const mig = rest.length > 2 ? rest.pop() : undefined;
  const memory = rest.pop() ?? "";
  const card: Card = {
    place: place ?? before?.place ?? `index ${number.padStart(4, "0")}`,
    ...withIndex(index ?? before?.index),
    gpu: { uuid, name: rest.join(", "), ...memoryOf(memory) },
    ...(failure === undefined ? {} : { unhealthy: `nvidia-smi shows ${failure} for it.` }),
  };
  return { row: { card, isDivided: /^Enabled$/i.test(mig ?? "") } };
}

function withIndex(index: number | undefined): Pick<Card, "index"> {
  return index === undefined ? {} : { index };
}

/** Returns the rows with their indexes if all have one. Otherwise, their places number them. */
function numbered(rows: readonly Row[]): readonly Row[] {
  if (rows.every(({ card }) => card.index !== undefined)) return rows;
  return rows.map(({ card: { index: _, ...card }, isDivided }) => ({ card, isDivided }));
}

function hasRepetition(cards: readonly Card[]): boolean {
  const isRepeated = (values: readonly unknown[]) => new Set(values).size < values.length;
  const indexes = cards.flatMap(({ index }) => index ?? []);
  return (
    isRepeated(indexes) || isRepeated(cards.map(({ place }) => place)) || isRepeated(cards.map(({ gpu }) => gpu.uuid))
  );
}

/** Parses a number of MiB. Any other text is harmless: not every GPU has memory of its own. */
export function memoryOf(mebibytes: string): { memoryInBytes?: number } {
  return /^\d+$/.test(mebibytes) ? { memoryInBytes: Number(mebibytes) * bytesPerMiB } : {};
}

/**
 * Finds messages such as "Unable to determine the device handle for GPU0000:0B:00.0: GPU is lost.  Reboot the system to
 * recover this GPU", which may continue on the next line.
 */
function lostIn(text: string): Map<string, string> {
  const lost = new Map<string, string>();
  const lines = text.split("\n");
  for (const [position, line] of lines.entries()) {
    const place = placeOf(line);
    const next = lines[position + 1] ?? "";
    if (place === undefined || !/Unable to determine the device handle/i.test(line)) continue;
    const message = /^\s*(?:the system|Reboot)/i.test(next) ? `${line} ${next}` : line;
    lost.set(place, `nvidia-smi says: ${quoted(message)}.`);
  }
  return lost;
}

/** Returns the words that stand for a value of a GPU that has failed. `[N/A]` and `[Not Supported]` are harmless. */
function failureIn(value: string): string | undefined {
  return /^(?:\[(?:GPU [^\]]{1,60}|Unknown Error)\]|GPU is lost|GPU requires reset|Unknown Error)/i.exec(value)?.[0];
}
