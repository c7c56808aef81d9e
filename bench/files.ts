// Measures the speed of the file endpoint, compared with a bare server as the limit and Azurite as the peer:
// `npm run bench:files`. README.md explains the numbers and how to install Azurite.
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { measures } from "./files/measures.ts";
import type { Measure } from "./files/measures.ts";
import { azurite, batchai, limit, start } from "./files/servers.ts";
import type { Server } from "./files/servers.ts";
import { median } from "./median.ts";

const root = join(import.meta.dirname, "..");
const { values: options } = parseArgs({
  options: {
    large: { type: "string", default: "256" },
    small: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
  },
});
const scale = { largeInMiB: Number(options.large), smallFiles: Number(options.small), rounds: Number(options.rounds) };

/** Builds the command line as in the package. Its location does not affect its speed. */
async function buildPackage(): Promise<string> {
  const outdir = join(root, "temp/bench-files/dist");
  await mkdir(outdir, { recursive: true });
  await copyFile(join(root, "package.json"), join(outdir, "../package.json"));
  await build({
    entryPoints: { "cli/main": join(root, "src/cli/main.ts") },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node22",
    outdir,
    banner: {
      js: 'import { createRequire as createRequireOf } from "node:module";const require = createRequireOf(import.meta.url);',
    },
    logLevel: "error",
  });
  return outdir;
}

/** Values of every round, by server. */
type Results = Map<Server, number[]>;

async function carryOut(measure: Measure, servers: readonly Server[]): Promise<Results> {
  const asked = servers.filter((server) => measure.applies?.(server) ?? true);
  const results: Results = new Map(asked.map((server) => [server, []]));
  for (let round = 0; round < measure.rounds; round++) {
    for (const server of asked) results.get(server)?.push(await measure.run(server, round));
  }
  return results;
}

function show(values: readonly number[] | undefined): string {
  if (values === undefined) return "";
  const digits = median(values) < 10 ? 2 : 0;
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return values.length === 1 ? String(middle) : `${middle} (${least}–${most})`;
}

/** Ratio of our result to another server's; a ratio above 1 means that ours is better. */
function ratio(measure: Measure, ours: readonly number[] | undefined, other: readonly number[] | undefined): string {
  if (ours === undefined || other === undefined) return "";
  const better = measure.unit === "ms" ? median(other) / median(ours) : median(ours) / median(other);
  return `${better.toFixed(2)} x`;
}

const folder = await mkdtemp(join(tmpdir(), "batchai-bench-"));
const servers: Server[] = [];
try {
  const azuriteFolder = process.env.AZURITE ?? join(root, "temp/azurite");
  const peer = azurite(azuriteFolder, join(folder, "azurite"));
  if (peer === undefined) {
    console.log(`Azurite is not in ${azuriteFolder}, so it is not measured. To install it:`);
    console.log(`  npm install --prefix ${azuriteFolder} azurite@3.37.0\n`);
  }
  await mkdir(join(folder, "limit"));
  const recipes = [limit(join(folder, "limit")), peer, await batchai(await buildPackage(), join(folder, "batchai"))];
  for (const recipe of recipes) if (recipe !== undefined) servers.push(await start(recipe));
  for (const { dialect, caller } of servers) for (const call of dialect.prepare) await caller.send(call);
  const [bare, ours] = [servers[0], servers.at(-1)];
  if (bare === undefined || ours === undefined) throw new Error("No server was started.");
  const azuriteServer = servers.length === 3 ? servers[1] : undefined;

  const [cpu] = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  console.log(`Node.js ${process.versions.node}, ${cpus().length} x ${cpu?.model ?? "unknown"}, ${memory}`);
  console.log(`Load before the run: ${loadavg()[0]?.toFixed(1) ?? ""}. Median of all rounds (lowest–highest).\n`);
  console.log(`| | ${servers.map(({ name }) => name).join(" | ")} | of the limit | of Azurite |`);
  console.log(`|---${"|---:".repeat(servers.length + 2)}|`);
  const row = (what: string, cells: readonly string[], ofLimit = "", ofPeer = ""): void =>
    console.log(`| ${what} | ${cells.join(" | ")} | ${ofLimit} | ${ofPeer} |`);
  row(
    "start, ms",
    servers.map(({ startInMs }) => startInMs.toFixed(0)),
  );
  const atStart = await Promise.all(servers.map((server) => server.memory()));
  row(
    "memory after the start, MB",
    atStart.map(({ now }) => now.toFixed(0)),
  );
  for (const measure of measures(scale)) {
    if (!new RegExp(options.only).test(measure.what)) continue;
    const results = await carryOut(measure, servers);
    const own = results.get(ours);
    row(
      `${measure.what}, ${measure.unit}`,
      servers.map((server) => show(results.get(server))),
      ratio(measure, own, results.get(bare)),
      azuriteServer === undefined ? "" : ratio(measure, own, results.get(azuriteServer)),
    );
    const { now, peak } = await ours.memory();
    if (process.env.MEMORY) console.log(`  ours: ${now.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`);
  }
  const atEnd = await Promise.all(servers.map((server) => server.memory()));
  row(
    "memory at the end, MB",
    atEnd.map(({ now }) => now.toFixed(0)),
  );
  row(
    "most memory ever, MB",
    atEnd.map(({ peak }) => peak.toFixed(0)),
  );
} finally {
  for (const server of servers) await server.stop();
  await rm(folder, { recursive: true, force: true });
}
