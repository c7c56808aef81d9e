import { setTimeout as delay } from "node:timers/promises";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ContainerBed } from "../containers/containerBed.ts";
import type { ContainerDaemon } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { Caller } from "./caller.ts";
import { Clients } from "./clients.ts";
import { clockJumps } from "./disturbances/clock.ts";
import { containerDisturbances, killContainersSometimes } from "./disturbances/containers.ts";
import type { Disturbance, World } from "./disturbances/disturbance.ts";
import { folders } from "./disturbances/folders.ts";
import { kills, killSometimes } from "./disturbances/kills.ts";
import { lockedDatabase } from "./disturbances/lockedDatabase.ts";
import { killSlurmSometimes, slurmDisturbances } from "./disturbances/slurm.ts";
import { shortages } from "./disturbances/shortages.ts";
import { jobKinds } from "./jobKinds.ts";
import { Ledger } from "./ledger.ts";
import { type ChaosOptions, readOptions, usage } from "./options.ts";
import { checkNothingLeft, checkQuietService } from "./oracles.ts";
import { Random } from "./random.ts";
import { Report } from "./report.ts";
import { SlurmSide, slurmSize, slurmUser } from "./slurmSide.ts";
import { Stage } from "./stage.ts";
import { Subject } from "./subject.ts";

/*
 * `npm run chaos`: disturbs a service at random while clients use it, and checks after each disturbance that it keeps its
 * promises. See bench/chaos.md.
 */

/** Limits of the time that the last scenario and the checks at the end of a run may take. */
const graceInMs = { least: 50_000, most: 180_000 };

/** Image of the jobs in containers. */
const image = "chaos/programs:1";

const processDisturbances: readonly Disturbance[] = [...kills, ...shortages, clockJumps, lockedDatabase, ...folders];

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(usage);
    return;
  }
  const script = new URL(options.built ? "../../dist/cli/main.js" : "../../src/cli/main.ts", import.meta.url).pathname;
  const report = new Report();
  const stage = Stage.open(script, options.slurm ? slurmUser : undefined);
  report.say(`seed ${options.seed}, in ${stage.folder}, user ${stage.user ?? "of this process"}`);
  const interruption = interrupted(options);
  const bed = new ContainerBed();
  let slurm: SlurmSide | undefined;
  try {
    const daemon = options.containers && (await bed.daemon(options.containers));
    if (options.slurm) slurm = await SlurmSide.open(stage);
    await Promise.race([run(options, script, { stage, report, daemon, slurm }), interruption]);
  } catch (error) {
    report.hurt("suite", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await bed.close();
  await slurm?.close();
  const failed = report.violations.length > 0;
  const kept = stage.close(failed);
  process.stdout.write(`\n${report.table()}\n\n`);
  if (kept !== undefined) describeFailure(options, report, kept);
  process.exit(failed ? 1 : 0);
}

/** Rejects when a signal ends the run, or when the run hangs. */
async function interrupted({ minutes }: ChaosOptions): Promise<never> {
  const plannedInMs = minutes * 60_000;
  const limitInMs = plannedInMs + Math.min(Math.max(plannedInMs / 2, graceInMs.least), graceInMs.most);
  const hangs = delay(limitInMs, "it does not end", { ref: false });
  const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map(async (name) => {
    // A second signal must not end this process before it has cleaned up.
    process.on(name, () => undefined);
    await once(process, name);
    return name;
  });
  throw new Error(`The run was interrupted: ${await Promise.race([hangs, ...signals])}.`);
}

async function run(options: ChaosOptions, script: string, parts: Parts): Promise<void> {
  const { stage, report, daemon, slurm } = parts;
  const random = new Random(options.seed);
  const subject = new Subject(script, join(stage.disk, "data"), stage, report);
  if (daemon) {
    daemon.openToAll();
    await loadImage(daemon.socket, image, await imageTar());
    subject.flags = ["--container-engine", daemon.address];
  }
  if (slurm) {
    subject.environment = slurm.bed.environment;
    subject.flags = slurm.flags();
  }
  const world = worldOf(options, { ...parts, subject }, random.fork());
  try {
    await subject.ensureUp();
    await world.clients.prepare(shareOf(world));
    await playAll(options, world, random);
    await checkNothingLeft(world);
  } finally {
    await subject.kill();
  }
}

/** Parts of the world that a run gets. */
interface Parts {
  readonly stage: Stage;
  readonly report: Report;
  readonly daemon?: ContainerDaemon | undefined;
  readonly slurm?: SlurmSide | undefined;
}

function worldOf({ jobs, slurm }: ChaosOptions, parts: Parts & Pick<World, "subject">, random: Random): World {
  const kinds = jobKinds.filter(
    ({ name, neverInSlurm }) => (jobs.length === 0 || jobs.includes(name)) && !(slurm && neverInSlurm === true),
  );
  if (kinds.length === 0) throw new Error(`--jobs: the kinds are ${jobKinds.map(({ name }) => name).join(", ")}`);
  const own = { caller: new Caller(parts.subject, parts.report), ledger: new Ledger() };
  const jobImage = parts.daemon ? image : undefined;
  return {
    ...parts,
    ...own,
    clients: new Clients({ ...parts, ...own, kinds, image: jobImage, vmSize: slurm ? slurmSize : undefined }, random),
  };
}

/** Creates a file share and returns it as volumes of a cluster. */
function shareOf({ subject, stage, daemon, slurm }: World): Record<string, unknown> {
  const { accountName, accountKey } = subject.connection.storage;
  const folder = join(slurm?.sharedDir ?? subject.dataDir, "files", accountName, "chaos");
  mkdirSync(folder, { recursive: true });
  stage.give(folder);
  if (daemon) stage.moveJobFiles(folder);
  const azureFileUrl = `https://${accountName}.file.core.windows.net/chaos`;
  return { azureFileShares: [{ accountName, azureFileUrl, credentials: { accountKey }, relativeMountPath: "share" }] };
}

function disturbancesOf({ daemon, slurm }: World): readonly Disturbance[] {
  if (slurm) return slurmDisturbances;
  return daemon ? containerDisturbances : processDisturbances;
}

async function killMore(world: World, random: Random): Promise<void> {
  if (world.slurm) await killSlurmSometimes(world, random);
  else await (world.daemon ? killContainersSometimes(world, random) : killSometimes(world, random));
}

async function playAll(options: ChaosOptions, world: World, random: Random): Promise<void> {
  const { report, stage } = world;
  const disturbances = disturbancesOf(world);
  const chosen = disturbances.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  if (chosen.length === 0)
    throw new Error(`--only: the disturbances are ${disturbances.map(({ name }) => name).join(", ")}`);
  for (const { name, obstacle } of chosen) {
    const reason = obstacle?.(stage);
    if (reason !== undefined) report.say(`skipped: ${name}, because ${reason}`);
  }
  const possible = chosen.filter(({ obstacle }) => obstacle?.(stage) === undefined);
  let deck: Disturbance[] = [];
  for (let number = 1; !isOver(options, report); number++) {
    if (deck.length === 0) deck = random.shuffled(possible);
    const [first, ...rest] = deck;
    if (first === undefined) return;
    deck = rest;
    await playScene(world, sceneOf(first, possible, random), { number, random: random.fork() });
  }
}

function isOver({ kills: most, minutes, keepGoing }: ChaosOptions, report: Report): boolean {
  if (report.violations.length > 0 && !keepGoing) return true;
  return report.kills >= most || report.seconds >= minutes * 60;
}

/** Adds other disturbances that overlap with the first one. */
function sceneOf(first: Disturbance, possible: readonly Disturbance[], random: Random): Disturbance[] {
  if (first.alone) return [first];
  const others = possible.filter((other) => other !== first && !other.alone);
  return [first, ...random.shuffled(others).slice(0, random.pick([0, 0, 1, 1, 2]))];
}

async function playScene(
  world: World,
  scene: readonly Disturbance[],
  { number, random }: { number: number; random: Random },
): Promise<void> {
  const { report, clients, subject } = world;
  report.scenario = `${number}: ${scene.map(({ name }) => name).join(" + ")}`;
  const before = report.violations.length;
  clients.resume();
  await delay(random.between(100, 1000));
  const withdrawals = [];
  for (const disturbance of scene) {
    withdrawals.push(await disturbance.apply(world, random));
    report.count(`applied: ${disturbance.name}`);
    await delay(random.between(50, 1500));
    if (disturbance.alone) continue;
    await killMore(world, random);
  }
  for (const withdraw of random.shuffled(withdrawals)) await withdraw();
  await subject.ensureUp();
  await delay(random.between(0, 500));
  await clients.pause();
  await checkQuietService(world);
  report.count("scenarios");
  const result = report.violations.length > before ? "HURT" : "ok";
  report.say(`${report.scenario}: ${result} (kills ${report.kills}, jobs ${report.counted("jobs judged")})`);
}

function describeFailure({ seed, containers, slurm }: ChaosOptions, report: Report, kept: string): void {
  process.stdout.write(`${report.violations.length} promises were not kept:\n`);
  for (const { oracle, text, scenario, afterInSeconds } of report.violations)
    process.stdout.write(`- ${oracle}, ${afterInSeconds} s, scenario ${scenario}\n  ${text}\n`);
  process.stdout.write(`The log and the data folder are in ${kept}.\n`);
  const flags = slurm ? "--slurm " : containers === undefined ? "" : `--containers ${containers} `;
  process.stdout.write(`Repeat it with: npm run chaos -- ${flags}--seed ${seed}\n`);
}

await main();
