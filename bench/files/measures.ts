import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Body, Call } from "./calls.ts";
import { partSize, partsOf } from "./dialects.ts";
import type { Server } from "./servers.ts";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const block = randomBytes(partSize);
const small: Body = { block: randomBytes(4 * kibibyte), length: 4 * kibibyte };

/** A measure. For rates, higher is better; for times, lower is better. */
export interface Measure {
  readonly what: string;
  readonly unit: "MiB/s" | "ms" | "1/s";
  /** Number of rounds. */
  readonly rounds: number;
  /** Whether the measure applies to a server. */
  readonly applies?: (server: Server) => boolean;
  /** Measures once. */
  readonly run: (server: Server, round: number) => Promise<number>;
}

/** Sizes and numbers of files, and the number of rounds. */
export interface Scale {
  readonly largeInMiB: number;
  readonly smallFiles: number;
  readonly rounds: number;
}

/** Returns all measures. Later measures use the files of earlier ones. */
export function measures({ largeInMiB, smallFiles, rounds }: Scale): Measure[] {
  const large: Body = { block, length: largeInMiB * mebibyte };
  const parts = partsOf(large);
  const rate = (ms: number): number => largeInMiB / (ms / 1000);
  const head = ({ dialect }: Server, index: number): Call => dialect.head(`many/${index % smallFiles}.bin`);
  return [
    {
      what: `upload ${largeInMiB} MiB, one stream`,
      unit: "MiB/s",
      rounds,
      run: async (server) => rate(await timed(() => sendAll(server, server.dialect.put("large.bin", large), 1))),
    },
    {
      what: `upload ${largeInMiB} MiB, 4 parts at a time`,
      unit: "MiB/s",
      rounds,
      run: async (server) => {
        await server.caller.send(server.dialect.remove("large.bin"));
        const upload = server.dialect.putParts("large.bin", parts);
        const ms = await timed(async () => {
          await sendAll(server, upload.before, 1);
          await sendAll(server, upload.parts, 4);
          await sendAll(server, upload.after, 1);
        });
        return rate(ms);
      },
    },
    {
      what: `download ${largeInMiB} MiB`,
      unit: "MiB/s",
      rounds,
      run: async ({ caller, dialect }) => {
        const ms = await timed(async () => {
          const { length } = await caller.send(dialect.get("large.bin"));
          if (length !== large.length) throw new Error(`received ${length} bytes instead of ${large.length}`);
        });
        return rate(ms);
      },
    },
    {
      what: `write ${smallFiles} files of 4 KiB, x 16`,
      unit: "1/s",
      rounds: 1,
      run: async (server) => {
        await sendAll(server, server.dialect.makeFolder("many"), 1);
        const calls = sequence(smallFiles).flatMap((index) => server.dialect.put(`many/${index}.bin`, small));
        return smallFiles / ((await timed(() => sendAll(server, calls, 16))) / 1000);
      },
    },
    {
      what: `read ${smallFiles} files of 4 KiB, x 16`,
      unit: "1/s",
      rounds,
      run: async (server) => {
        const calls = sequence(smallFiles).map((index) => server.dialect.get(`many/${index}.bin`));
        return smallFiles / ((await timed(() => sendAll(server, calls, 16))) / 1000);
      },
    },
    {
      what: "write 4 KiB, one after the other",
      unit: "ms",
      rounds,
      run: (server, round) => each(server, 100, (index) => server.dialect.put(`single-${round}-${index}.bin`, small)),
    },
    {
      what: "HEAD, one after the other",
      unit: "ms",
      rounds: 8 * rounds,
      run: (server, round) => each(server, 500, (index) => head(server, 500 * round + index)),
    },
    {
      what: "HEAD x 16",
      unit: "1/s",
      rounds: 8 * rounds,
      run: async (server, round) => {
        const calls = sequence(1500).map((index) => head(server, 1500 * round + index));
        return calls.length / ((await timed(() => sendAll(server, calls, 16))) / 1000);
      },
    },
    {
      what: "list 1,000 entries",
      unit: "ms",
      rounds: rounds + 2,
      run: async (server, round) => {
        if (round === 0) {
          await sendAll(server, server.dialect.makeFolder("thousand"), 1);
          const calls = sequence(1000).flatMap((index) => server.dialect.put(`thousand/entry-${index}.bin`, small));
          await sendAll(server, calls, 16);
        }
        return timed(() => listAll(server, "thousand", 1000));
      },
    },
    ...[10_000, 100_000].map((count): Measure => ({
      what: `list ${count.toLocaleString("en")} entries`,
      unit: "ms",
      rounds,
      // If the server stores plain files, they need not be uploaded.
      applies: ({ folder }) => folder !== undefined,
      run: async (server, round) => {
        const folder = `of-${count}`;
        if (round === 0) {
          await sendAll(server, server.dialect.makeFolder(folder), 1);
          await plant(join(server.folder ?? "", folder), count);
        }
        return timed(() => listAll(server, folder, count));
      },
    })),
  ];
}

function sequence(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Sends requests, `atATime` at a time. */
async function sendAll({ caller }: Server, calls: readonly Call[], atATime: number): Promise<void> {
  const left = calls.values();
  const work = async (): Promise<void> => {
    for (const call of left) await caller.send(call);
  };
  await Promise.all(Array.from({ length: atATime }, work));
}

/** Measures the time of one request in milliseconds, in a sequence of requests. */
async function each(server: Server, count: number, call: (index: number) => Call | Call[]): Promise<number> {
  const calls = sequence(count).flatMap(call);
  return (await timed(() => sendAll(server, calls, 1))) / count;
}

async function listAll({ caller, dialect }: Server, folder: string, expected: number): Promise<void> {
  let marker = "";
  let found = 0;
  do {
    const { text } = await caller.send(dialect.list(folder, 5000, marker), true);
    found += text.split(/<Name>|"name":/).length - 1;
    marker = /<NextMarker>([^<]+)<\/NextMarker>/.exec(text)?.[1] ?? "";
  } while (marker !== "");
  if (found !== expected) throw new Error(`listed ${found} entries instead of ${expected}`);
}

async function plant(folder: string, count: number): Promise<void> {
  for (let start = 0; start < count; start += 100) {
    const names = Array.from({ length: Math.min(100, count - start) }, (_, index) => `entry-${start + index}.bin`);
    await Promise.all(names.map((name) => writeFile(join(folder, name), name)));
  }
}
